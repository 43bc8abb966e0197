"""Files in answers: how they are called (RFC 6266), also where the name is Vietnamese."""

import unicodedata
from urllib.parse import quote

_NOT_QUOTED = str.maketrans({"đ": "d", "Đ": "D", '"': "'", "\\": "_", "%": "_"})


def disposition(name: str, *, shown: bool = False) -> dict[str, str]:
    """The header that gives a file its name: to be saved, or `shown` where the reader can.

    Readers that know no `filename*` get the name in plain letters.
    """
    letters = unicodedata.normalize("NFKD", name.translate(_NOT_QUOTED))
    plain = "".join(c for c in letters if " " <= c <= "~") or "file"
    told = f'{"inline" if shown else "attachment"}; filename="{plain}"'
    return {"content-disposition": told if plain == name else f"{told}; filename*=UTF-8''{quote(name, safe='')}"}
