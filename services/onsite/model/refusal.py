"""Why no technician comes for a diagnosis (S28, S29)."""

from typing import NamedTuple

from services.onsite.model.case_file import Coverage, Diagnosis
from services.onsite.model.policy import OnsitePolicy


class Refusal(NamedTuple):
    """`reason` is a code, `explanation` a sentence."""

    reason: str
    explanation: str


def refusal(coverage: Coverage, diagnosis: Diagnosis, policy: OnsitePolicy) -> Refusal | None:
    """None where a technician comes. Excluded work comes first: no contract brings a technician for it."""
    if diagnosis.domain in policy.excluded_domains:
        return Refusal(
            "excluded_work",
            f"Onsite work excludes {diagnosis.domain} faults (upgrades, enhancements, configuration).",
        )
    if not coverage.covered:
        return Refusal(coverage.reason, "The product is not covered, so no technician comes.")
    if not coverage.onsite:
        reason = coverage.onsite_reason or "option_not_bought"
        return Refusal(reason, "The contract does not bring a technician to this site.")
    if coverage.site is None:
        return Refusal("location", "No site is known to which a technician could come.")
    return None
