from tests.support.observability import alerts, expressions, seen_to_fire

RUNBOOKS = {
    "consumer-lag", "relay-stuck", "dead-letters", "consumer-halted", "timers-late", "jobs-failing", "service-not-ready",
    "kafka-down", "postgres-down", "disk-full", "version-passed", "version-gap", "partner-doubtful",
    "partner-credentials",
}  # fmt: skip


def test_every_runbook_has_an_alert_that_sends_somebody_there() -> None:
    assert {rule["runbook_url"] for rule in alerts().values()} == {f"docs/runbooks/{name}.md" for name in RUNBOOKS}


def test_every_alert_is_tried_where_it_has_to_fire() -> None:
    assert alerts().keys() - seen_to_fire() == set()


def test_every_expression_is_about_our_own_processes() -> None:
    found = expressions()
    assert len(found) > 30
    assert [each for each in found if 'job="polyplus"' not in each] == []
