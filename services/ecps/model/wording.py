"""What the customer reads, in Vietnamese and English."""

from libs.events.ecps import NotOpenable
from libs.events.values import Language, Product

_REASONS: dict[NotOpenable, tuple[str, str]] = {
    "no_agreement": (
        "A ticket with {partner} needs a support agreement between you and {partner}; none is on record for now.",
        "Phiếu hỗ trợ với {partner} cần có thỏa thuận hỗ trợ giữa quý khách và {partner}; hiện chưa có thỏa thuận nào.",
    ),
    "not_approved": (
        "{partner} is not an approved strategic partner, so we cannot open a ticket there.",
        "{partner} không phải là đối tác chiến lược được phê duyệt nên chúng tôi không thể mở phiếu hỗ trợ.",
    ),
    "not_permitted": (
        "{partner} does not permit us to work with them directly.",
        "{partner} không cho phép chúng tôi làm việc trực tiếp với họ.",
    ),
    "no_consent": (
        "We share your case with {partner} only with your consent, which is missing.",
        "Chúng tôi chỉ chia sẻ yêu cầu của quý khách với {partner} khi quý khách đồng ý; hiện chưa có sự đồng ý.",
    ),
    "partner_rejected": (
        "{partner} refused the ticket: {detail}",
        "{partner} đã từ chối phiếu hỗ trợ: {detail}",
    ),
    "unreachable": (
        "{partner}'s ticket system cannot be reached at the moment; we go on trying.",
        "Hiện không thể kết nối hệ thống của {partner}; chúng tôi sẽ tiếp tục thử.",
    ),
}
_CONSENT_WITHDRAWN = (
    "You withdrew your consent to our sharing your case with {partner}.",
    "Quý khách đã rút lại sự đồng ý chia sẻ yêu cầu với {partner}.",
)
LABELS: dict[str, tuple[str, str]] = {
    "title": ("Findings", "Kết quả chẩn đoán"),
    "case": ("Case", "Yêu cầu dịch vụ"),
    "engagement": ("Reference", "Mã tham chiếu"),
    "product": ("Product", "Sản phẩm"),
    "serial": ("Serial number", "Số sê-ri"),
    "reported": ("Reported", "Mô tả của khách hàng"),
    "component": ("Component", "Bộ phận"),
    "fault_code": ("Fault code", "Mã lỗi"),
    "findings": ("What we found", "Kết quả của chúng tôi"),
    "confidence": ("Confidence", "Mức độ chắc chắn"),
    "diagnosed_at": ("Diagnosed at", "Thời điểm chẩn đoán"),
    "partner": ("Cloud partner", "Đối tác đám mây"),
    "ticket": ("Partner's ticket number", "Số phiếu của đối tác"),
    "no_ticket": ("Why there is no ticket", "Lý do chưa có phiếu"),
    "contact": ("Partner's contact", "Liên hệ của đối tác"),
    "low": ("low", "thấp"),
    "medium": ("medium", "trung bình"),
    "high": ("high", "cao"),
}


def label(name: str, language: Language) -> str:
    """The heading of a part of the document, or one of its fixed words."""
    return LABELS[name][language == "vi"]


def why_not(reason: NotOpenable, language: Language, *, partner: str, detail: str = "") -> str:
    """Plainly, why no ticket could be opened (S7)."""
    return _REASONS[reason][language == "vi"].format(partner=partner, detail=detail)


def consent_withdrawn(language: Language, *, partner: str) -> str:
    """Why the matter was taken back from the partner."""
    return _CONSENT_WITHDRAWN[language == "vi"].format(partner=partner)


def product_name(product: Product) -> str:
    """Family and model, with what both say once: "studio" and "Studio X70" is one name."""
    family, model = product.family.split(), product.model.split()
    shared = next(
        (n for n in range(min(len(family), len(model)), 0, -1) if _same(family[-n:], model[:n])),
        0,
    )
    return " ".join([*family[: len(family) - shared], *model])


def _same(words: list[str], others: list[str]) -> bool:
    return [each.casefold() for each in words] == [each.casefold() for each in others]


def in_short(language: Language, *, component: str, findings: str) -> str:
    """One line about what we found, for a message."""
    text = findings if len(findings) <= 300 else f"{findings[:299]}…"
    return f"{label('component', language)}: {component}. {text}"
