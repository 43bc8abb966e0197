import pytest

from libs.kit.files import disposition


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("log.txt", 'attachment; filename="log.txt"'),
        (
            "Biên bản – Đà Nẵng.pdf",
            "attachment; filename=\"Bien ban  Da Nang.pdf\"; filename*=UTF-8''Bi%C3%AAn%20b%E1%BA%A3n%20%E2%80%93%20%C4%90%C3%A0%20N%E1%BA%B5ng.pdf",
        ),
        ('a"b\\c%20.txt', "attachment; filename=\"a'b_c_20.txt\"; filename*=UTF-8''a%22b%5Cc%2520.txt"),
        ("図面", "attachment; filename=\"file\"; filename*=UTF-8''%E5%9B%B3%E9%9D%A2"),
    ],
)
def test_a_file_has_its_name_in_every_reader(name: str, header: str) -> None:
    assert disposition(name) == {"content-disposition": header}
    header.encode("latin-1")


def test_what_can_be_shown_is_shown() -> None:
    assert disposition("a.pdf", shown=True) == {"content-disposition": 'inline; filename="a.pdf"'}
