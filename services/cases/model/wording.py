"""What the system writes into a case, in the case's language."""

from datetime import datetime
from zoneinfo import ZoneInfo

from libs.events.values import Language

_PHRASES: dict[str, dict[Language, str]] = {
    "resolved_by_visit": {
        "en": "Repaired on site; the customer signed for it.",
        "vi": "Đã sửa tại chỗ; khách hàng đã ký xác nhận.",
    },
    "resolved_by_part": {
        "en": "The replacement works, the customer confirms.",
        "vi": "Khách hàng xác nhận linh kiện thay thế hoạt động tốt.",
    },
    "resolved_by_works": {
        "en": "The customer says that it works.",
        "vi": "Khách hàng báo thiết bị đã hoạt động tốt.",
    },
    "resolved_by_customer_silent": {
        "en": "We asked, reminded you and heard nothing, so we take it that all is well. Write to us and the case goes on.",
        "vi": "Chúng tôi đã hỏi và nhắc nhưng chưa nhận được trả lời nên xem như mọi việc đã ổn. Hãy viết cho chúng tôi để tiếp tục yêu cầu.",
    },
    "several_units": {"en": "{count} units, a case each", "vi": "{count} thiết bị, mỗi thiết bị một yêu cầu"},
    "works": {"en": "It works now.", "vi": "Thiết bị đã hoạt động tốt."},
    "customer": {"en": "customer", "vi": "quý khách"},
    "technician": {"en": "Technician", "vi": "Kỹ thuật viên"},
    "alert_joined": {
        "en": "The device {serial} reports again: {text}",
        "vi": "Thiết bị {serial} lại báo sự cố: {text}",
    },
    "alert_cleared": {
        "en": "The device {serial} reports that this is over: {text} We propose to resolve the case.",
        "vi": "Thiết bị {serial} báo sự cố đã hết: {text} Chúng tôi đề nghị kết thúc yêu cầu.",
    },
    "diagnostics": {"en": "Network tools on {serial}: {text}", "vi": "Kiểm tra mạng trên {serial}: {text}"},
    "site_left_out": {
        "en": "The site that the request names is none of this account's; we left it out.",
        "vi": "Địa điểm nêu trong yêu cầu không thuộc tài khoản này; chúng tôi đã bỏ qua.",
    },
    "contact_left_out": {
        "en": "The contact that the request names is none of this account's; we left it out.",
        "vi": "Người liên hệ nêu trong yêu cầu không thuộc tài khoản này; chúng tôi đã bỏ qua.",
    },
    "where_to_send": {
        "en": "A part is to be sent to you, and we do not know where: please say at which of your sites the unit stands.",
        "vi": "Chúng tôi cần gửi linh kiện cho quý khách nhưng chưa biết gửi đến đâu: vui lòng cho biết thiết bị đặt tại địa điểm nào.",
    },
    "merged_into": {
        "en": "This is the same as {number} and goes on there: write to that request.",
        "vi": "Yêu cầu này trùng với {number} và được tiếp tục tại đó: vui lòng viết vào yêu cầu đó.",
    },
    "merged_here": {
        "en": "{number} is the same as this and goes on here, with its files.",
        "vi": "{number} trùng với yêu cầu này và được tiếp tục tại đây, cùng các tệp của nó.",
    },
    "split_into": {
        "en": "A part of this goes on by itself as {number}.",
        "vi": "Một phần của yêu cầu này được tiếp tục riêng tại {number}.",
    },
    "split_from": {"en": "This was a part of {number}.", "vi": "Yêu cầu này trước đây là một phần của {number}."},
    "rma_denied": {
        "en": "No replacement under the contract: {text}",
        "vi": "Hợp đồng không bao gồm linh kiện thay thế: {text}",
    },
    "part_lost": {
        "en": "The replacement was lost on the way: {text}",
        "vi": "Linh kiện thay thế bị thất lạc: {text}",
    },
    "part_refused": {"en": "The parcel was not accepted: {text}", "vi": "Kiện hàng bị từ chối nhận: {text}"},
    "ticket_opened": {
        "en": "{partner} has opened ticket {ticket}.",
        "vi": "{partner} đã mở phiếu hỗ trợ {ticket}.",
    },
    "ticket_not_openable": {
        "en": "No ticket with {partner}: {text}",
        "vi": "Không mở được phiếu hỗ trợ với {partner}: {text}",
    },
    "ticket_resolved": {
        "en": "{partner} says that it is solved: {text}",
        "vi": "{partner} báo đã xử lý xong: {text}",
    },
    "ticket_missing": {
        "en": "{partner} has no ticket {ticket} any more. We open another one.",
        "vi": "{partner} không còn phiếu hỗ trợ {ticket}. Chúng tôi đang mở phiếu khác.",
    },
    "ticket_reopened": {
        "en": "{partner} has taken up ticket {ticket} again.",
        "vi": "{partner} đã mở lại phiếu hỗ trợ {ticket}.",
    },
    "ticket_closed": {
        "en": "The partner's ticket {ticket} is closed.",
        "vi": "Phiếu hỗ trợ {ticket} của đối tác đã đóng.",
    },
    "ticket_withdrawn": {
        "en": "We took the matter back from the partner: {text}",
        "vi": "Chúng tôi đã rút yêu cầu khỏi đối tác: {text}",
    },
    "information_required": {
        "en": "{partner} needs to know: {text}",
        "vi": "{partner} cần thêm thông tin: {text}",
    },
    "onsite_not_covered": {
        "en": "No technician comes for this: {text}",
        "vi": "Không có kỹ thuật viên đến cho việc này: {text}",
    },
    "visit_failed": {"en": "The visit could not be finished: {text}", "vi": "Chưa hoàn thành tại chỗ: {text}"},
    "visit_missed": {"en": "We did not come when we had said: {text}", "vi": "Chúng tôi đã lỡ hẹn: {text}"},
    "visit_delayed": {
        "en": "The technician comes later than was said: about {time} ({zone}). {text}",
        "vi": "Kỹ thuật viên đến muộn hơn đã báo: khoảng {time} ({zone}). {text}",
    },
    "signed_instead": {
        "en": "Signed in the place of the named contact: {text}.",
        "vi": "Người khác ký thay người liên hệ đã nêu: {text}.",
    },
    "visit_lost_its_time": {
        "en": "The visit does not take place at the time that was agreed: {text}.",
        "vi": "Lịch hẹn tại chỗ không diễn ra vào giờ đã thống nhất: {text}.",
    },
    "choose_visit_time": {
        "en": "Please choose another time for the visit. The first ones ({zone}): {times}.",
        "vi": "Vui lòng chọn giờ khác cho lịch hẹn tại chỗ. Các giờ sớm nhất ({zone}): {times}.",
    },
    "visit_cancelled": {"en": "The visit is cancelled: {text}", "vi": "Lịch hẹn tại chỗ đã hủy: {text}"},
    "shift_changed": {
        "en": "The shift changed and nobody had taken the case: it goes from {previous} to {queue}.",
        "vi": "Ca trực thay đổi mà chưa ai nhận yêu cầu: chuyển từ {previous} sang {queue}.",
    },
    "shift_ended": {
        "en": "The shift of {previous} ended and the case was not handed over: it waits in {queue} for somebody to take it.",
        "vi": "Ca trực của {previous} đã kết thúc mà yêu cầu chưa được bàn giao: yêu cầu đang chờ người nhận tại {queue}.",
    },
    "given_by_itself": {
        "en": "The case is given to somebody by skill, queue and load.",
        "vi": "Yêu cầu được tự động giao cho người phụ trách theo chuyên môn, hàng đợi và khối lượng công việc.",
    },
    "taken_back": {
        "en": "Whoever had the case did not act on it in time: it waits in {queue} for somebody to take it.",
        "vi": "Người phụ trách chưa xử lý yêu cầu đúng hạn: yêu cầu đang chờ người nhận tại {queue}.",
    },
    "nobody_has_it": {
        "en": "Whoever had the case is not here any more: it waits for somebody to take it.",
        "vi": "Người phụ trách yêu cầu không còn ở đây: yêu cầu đang chờ người khác nhận.",
    },
}


def local(instant: datetime, time_zone: str) -> str:
    """Date and time there, or in UTC where nobody knows such a zone."""
    try:
        zone = ZoneInfo(time_zone)
    except (LookupError, ValueError, OSError):
        zone = ZoneInfo("UTC")
    return f"{instant.astimezone(zone):%Y-%m-%d %H:%M}"


def say(phrase: str, language: Language, **facts: str) -> str:
    """The phrase with these facts in it. Raises KeyError for a phrase that is not there."""
    return _PHRASES[phrase][language].format(**facts)
