"""Where files of BATCH messages are written: inside their folder, whatever their names are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from singer_sdk.helpers._batch import StorageTarget

from tap_sfbulk_pages.singer.batch_storage import BatchStorage

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Account-750-1.arrow", "Account-750-1.arrow"),
        ("../x-750-1.arrow", "__x-750-1.arrow"),
        ("/etc/x", "_etc_x"),
        ("a/../../x", "a_.._.._x"),
        ("a\\b\0c", "a_b_c"),
        ("Größe-1.arrow", "Größe-1.arrow"),
    ],
)
@pytest.mark.parametrize("prefix", ["", "night-"])
def test_no_name_leads_out_of_the_folder(
    tmp_path: Path, name: str, written: str, prefix: str
) -> None:
    storage = BatchStorage(StorageTarget((tmp_path / "out").as_uri(), prefix=prefix))
    file = storage.create(name)
    file.stream.write(b"text")
    file.complete()
    assert [each.name for each in tmp_path.iterdir()] == ["out"]
    assert [each.name for each in (tmp_path / "out").iterdir()] == [f"{prefix}{written}"]


def test_a_link_in_the_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    precious, folder = tmp_path / "precious", tmp_path / "out"
    precious.write_bytes(b"kept")
    folder.mkdir()
    for name in ("x.arrow", "x.arrow.part"):
        (folder / name).symlink_to(precious)
    file = BatchStorage(StorageTarget(folder.as_uri())).create("x.arrow")
    file.stream.write(b"text")
    file.complete()
    assert precious.read_bytes() == b"kept"
    assert (folder / "x.arrow").read_bytes() == b"text"
