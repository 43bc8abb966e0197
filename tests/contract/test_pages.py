from tests.support import pages


def test_every_page_that_is_made_from_the_code_is_as_the_code_says() -> None:
    assert pages.stale() == []
