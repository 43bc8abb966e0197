"""What people call the columns of their tables, in English and Vietnamese: each as `words` makes it."""

from collections.abc import Mapping

from libs.tables.headings import said

_CALLED = {
    "product_number": "product no, product code, product, model number, part no, p/n, mã sản phẩm, mã hàng, số sản phẩm",
    "serial": "serial number, serial no, s/n, sn, số sê-ri, số seri, sê-ri, seri, số serial",
    "hardware_revision": "hardware rev, revision, rev, phiên bản phần cứng",
    "firmware": "firmware version, phần mềm",
    "account_id": "account, account name, company, customer, công ty, khách hàng, tên công ty",
    "site_id": "site, site name, location, địa điểm, cơ sở, chi nhánh",
    "contact_id": "contact, contact name, contact email, contact e-mail, người liên hệ",
    "contract_id": "contract, contract number, contract no, hợp đồng, số hợp đồng",
    "name": "full name, tên, họ tên, họ và tên, tên gọi",
    "address_lines": "address, street, street address, địa chỉ",
    "city": "town, thành phố, tỉnh thành phố",
    "region": "state, province, tỉnh, vùng",
    "postal_code": "postcode, zip, zip code, mã bưu chính",
    "country": "country code, quốc gia, nước",
    "time_zone": "timezone, múi giờ",
    "opening_hours": "hours, opening times, giờ mở cửa, giờ làm việc",
    "access_notes": "access, notes, ghi chú",
    "email": "e-mail, mail, e-mail address, email address, thư điện tử",
    "phone": "telephone, phone number, mobile, điện thoại, số điện thoại",
    "language": "ngôn ngữ",
    "authorised": "authorized, được ủy quyền, ủy quyền",
    "plan": "service plan, gói, gói dịch vụ",
    "options": "option, tùy chọn",
    "families": "family, product families, dòng sản phẩm",
    "starts_on": "start, starts, start date, begins, from, ngày bắt đầu, từ ngày",
    "ends_on": "end, ends, end date, until, to, ngày kết thúc, đến ngày",
}
_HEADINGS = said(_CALLED)


def headings(*, named_by: str | None = None) -> Mapping[str, str]:
    """The column of each. `named_by`: what other tables call so is the `name` here, as "company" in a table of accounts."""
    return {name: "name" if column == named_by else column for name, column in _HEADINGS.items()}
