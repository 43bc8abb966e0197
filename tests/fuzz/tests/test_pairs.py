import schemathesis

from tests.fuzz.pairs import SLICES, all_routes, slice_of

_PATHS = [f"/v1/things/{n}" for n in range(40)]
_DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "t", "version": "1"},
    "paths": {path: {"get": {"responses": {"200": {"description": "ok"}}}} for path in _PATHS},
}


def test_ten_seeds_take_every_route_once() -> None:
    routes = all_routes(schemathesis.openapi.from_dict(_DOCUMENT))
    assert {route.label for route in routes} == {f"GET {path}" for path in _PATHS}
    taken = [route.label for seed in range(7, 7 + SLICES) for route in slice_of(routes, seed)]
    assert sorted(taken) == sorted(route.label for route in routes)
    assert all(slice_of(routes, seed) for seed in range(SLICES))
