"""A sample of every event, made from its schema alone, so that the same contract always gives the same sample."""

from hashlib import sha256
from typing import Any
from uuid import UUID

from libs.events.schemas import Schema

INSTANT = "2026-03-03T02:15:00Z"
DAY = "2026-03-04"

_NUMBERS = {
    "polyplus.cases": "CASE-2026-000123",
    "polyplus.rma": "RMA-2026-000045",
    "polyplus.escalation": "ESC-2026-000007",
    "polyplus.ecps": "PE-2026-000011",
    "polyplus.onsite": "WO-2026-000021",
    "polyplus.entitlements": "PPC-2026-000009",
}
WORDS: dict[str, Any] = {
    "access_notes": "Gửi xe tầng hầm B2, báo lễ tân tầng 12",
    "account.name": "Công ty Cổ phần Sao Mai",
    "account_name": "Công ty Cổ phần Sao Mai",
    "address": "duty.manager@support.example",
    "address_lines": "Tầng 12, 45 Nguyễn Thị Minh Khai",
    "amount_minor": 48900,
    "appropriate_because": "The fix is not out yet and the meeting room is needed today.",
    "author_name": "Trần Thị Bình",
    "by": "engineer:binh.tran",
    "carrier": "simulated-express",
    "cause": "carrier_delay",
    "city": "Thành phố Hồ Chí Minh",
    "code": "depot_cut_off",
    "closes": "17:30",
    "component": "camera_module",
    "contact.name": "Nguyễn Văn An",
    "days": 1,
    "description": "Camera của Studio X70 không nhận hình trong cuộc họp",
    "email": "quan.tri@saomai.example",
    "ends": "2026-03-05T04:00:00Z",
    "explanation": "The contract of this account has ended.",
    "family": "studio",
    "fault_code": "CAM-NO-VIDEO",
    "features": "advance_replacement",
    "findings": "No video from the camera after a factory reset; the other inputs work.",
    "firmware": "4.5.0-448317",
    "fix_release": "4.5.1-448520",
    "hardware_revision": "B",
    "location": "Singapore",
    "model": "Studio X70",
    "new_serial": "SAMPLE0002",
    "old_serial": "SAMPLE0001",
    "opens": "08:30",
    "options": "onsite",
    "part_number": "CAM-X70-01",
    "partner_name": "Example Meetings",
    "phone": "+84 28 5550 0100",
    "plan": "poly_plus_onsite",
    "postal_code": "700000",
    "product_number": "83Z52AA",
    "pdf_url": "https://support.example/v1/partner-engagements/findings.pdf",
    "reason": "as the policy says",
    "region": "HCM",
    "reporter_name": "Nguyễn Văn An",
    "resellers.name": "Đại lý Ánh Dương",
    "rule": "clock",
    "serial": "SAMPLE0001",
    "serial_in": "SAMPLE0002",
    "serial_out": "SAMPLE0001",
    "site.name": "Trụ sở Quận 1",
    "starts": "2026-03-05T02:00:00Z",
    "symptom": "No picture from the built-in camera",
    "technician_name": "Lê Minh Châu",
    "ticket_number": "EM-900417",
    "text": "Camera hoạt động lại sau khi thay mô-đun.",
    "tracking": "SE400123456VN",
}


def sample_of(name: str, schema: Schema) -> dict[str, Any]:
    """One plausible record with every field filled, optional ones too."""
    number = {"number": _NUMBERS.get(".".join(name.split(".")[:2]), "NO-2026-000001")}
    return _Maker(schema.get("$defs", {}), WORDS | number).object(schema)


class _Maker:
    def __init__(self, definitions: Schema, words: dict[str, Any]) -> None:
        self.definitions, self.words = definitions, words

    def object(self, schema: Schema, within: str = "") -> dict[str, Any]:
        properties: Schema = schema.get("properties", {})
        return {name: self.value(f"{within}.{name}" if within else name, node) for name, node in properties.items()}

    def value(self, name: str, node: Schema) -> Any:
        if "$ref" in node:
            return self.value(name, self.definitions[node["$ref"].rsplit("/", 1)[-1]])
        if "anyOf" in node:
            return self.value(name, next(one for one in node["anyOf"] if one.get("type") != "null"))
        if "const" in node or "enum" in node:
            return node.get("const", node.get("enum", [None])[0])
        if node["type"] == "object":
            return self.object(node, name)
        if node["type"] == "array":
            return [self.value(name, node["items"])]
        return self.word(name, self.fallback(name, node))

    def word(self, name: str, fallback: Any) -> Any:
        """What is known for the field of this value, else for any field of the name."""
        field = ".".join(name.split(".")[-2:])
        return self.words.get(field, self.words.get(field.rpartition(".")[2], fallback))

    def fallback(self, name: str, node: Schema) -> Any:
        field = name.rpartition(".")[2]
        match node["type"], node.get("format"):
            case "string", "uuid":
                return str(sample_id(name.rpartition(".")[0] if field == "id" else field))
            case "string", "date-time":
                return INSTANT
            case "string", "date":
                return DAY
            case "string", _:
                return node.get("examples", [field.replace("_", " ")])[0]
            case "boolean", _:
                return node.get("default", True)
            case _:
                return node.get("minimum", 0) + 1


def sample_id(name: str) -> UUID:
    """The same field holds the same id in every sample, in the shape of a UUIDv7."""
    digits = sha256(name.removesuffix("s").removesuffix("_id").encode()).hexdigest()
    return UUID(f"019cb1e1-7a20-7{digits[:3]}-8{digits[3:6]}-{digits[6:18]}")
