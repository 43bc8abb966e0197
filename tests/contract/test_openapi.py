"""The documents that others build on: what is called how, that tools read them without a word, and that they say all there is."""

from collections import Counter

from deploy.services import SERVICES
from libs.kit.auth import ROLES
from tests.support.documents import document_of, operations, whole_document

OPERATIONS = [(name, *each) for name in SERVICES for each in operations(document_of(name))]


def test_operations_are_called_by_what_is_done_and_no_two_alike() -> None:
    ids = [operation["operationId"] for _, _, _, operation in OPERATIONS]
    assert [id for id, times in Counter(ids).items() if times > 1] == []
    assert [id for id in ids if "route" in id or not id.isidentifier()] == []
    assert {operation["operationId"] for _, _, operation in operations(whole_document())} >= set(ids)


def test_a_summary_says_the_same_in_words() -> None:
    for _, _, _, operation in OPERATIONS:
        assert operation["summary"].lower() == operation["operationId"].replace("_", " ")


def test_every_operation_says_which_roles_it_is_for() -> None:
    for _, _, path, operation in OPERATIONS:
        signed = path in ("/v1/carrier-events", "/v1/partner-events")
        assert signed or set(operation["x-roles"]) <= ROLES
        assert signed == ("x-roles" not in operation)
