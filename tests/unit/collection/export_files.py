"""Platform exports in the layouts of recent years, made from pictures that the caller gives.

``python -m tests.unit.collection.export_files FOLDER`` writes one of each, with the public-domain portrait.
"""

from __future__ import annotations

import io
import json
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MADE = 1_683_000_000
"""2 May 2023, 04:00 UTC."""
LONDON = (51.5074, -0.1278)


def split_bytes(text: str) -> str:
    """Text as Facebook and Instagram write it: each UTF-8 byte a character of its own."""
    return text.encode("utf-8").decode("latin-1")


def _exif_data(position: tuple[float, float] | None) -> dict[str, Any]:
    if position is None:
        return {}
    row = {"latitude": position[0], "longitude": position[1]}
    return {"media_metadata": {"photo_metadata": {"exif_data": [row, {"device_id": "phone"}]}}}


def instagram_json(
    photos: Mapping[str, bytes], profile: bytes, *, caption: str = "Grüße aus London 🇬🇧", root: str = ""
) -> dict[str, bytes]:
    """The JSON layout of 2023 to 2025; ``photos`` by file name."""
    posts = [
        {
            "media": [
                {
                    "uri": f"media/posts/202305/{name}",
                    "creation_timestamp": MADE + number,
                    "title": split_bytes(caption),
                    **_exif_data(LONDON if number == 0 else None),
                }
            ]
        }
        for number, name in enumerate(photos)
    ]
    about = {"profile_user": [{"string_map_data": {"Phone Number": {"value": "+447700900123"}}}]}
    insights = {"profile_account_insights": [{"string_map_data": {"First Country Code": {"value": "GB"}}}]}
    chat = {
        "participants": [{"name": "Ben"}],
        "messages": [{"photos": [{"uri": "messages/inbox/ben_1/photos/1.jpg"}]}],
    }
    files: dict[str, bytes] = {
        "your_instagram_activity/media/posts_1.json": _json(posts),
        "your_instagram_activity/media/profile_photos.json": _json(
            {"ig_profile_picture": [{"uri": "media/profile/202001/me.jpg", "creation_timestamp": MADE}]}
        ),
        "personal_information/personal_information/personal_information.json": _json(about),
        "personal_information/personal_information/instagram_profile_information.json": _json(insights),
        "your_instagram_activity/messages/inbox/ben_1/message_1.json": _json(chat),
        "your_instagram_activity/messages/inbox/ben_1/photos/1.jpg": next(iter(photos.values()), profile),
        "connections/contacts/synced_contacts.json": _json({"contacts_contact_info": []}),
        "media/profile/202001/me.jpg": profile,
        "media/posts/202305/film.mp4": b"\0\0\0\x18ftypmp42",
        **{f"media/posts/202305/{name}": data for name, data in photos.items()},
    }
    return {root + name: data for name, data in files.items()}


def instagram_html(
    photos: Mapping[str, bytes], profile: bytes, *, caption: str = "In London 🇬🇧"
) -> dict[str, bytes]:
    """The HTML layout of 2022 to 2025."""
    posts = "".join(
        f'<div class="pam _3-95 _2ph- _a6-g noborder"><div class="_3-95 _2pim _a6-h _a6-i">{caption}</div>'
        f'<div class="_3-95 _a6-p"><div><a target="_blank" href="media/posts/202305/{name}">'
        f'<img src="media/posts/202305/{name}" class="_a6_o _3-96" /></a>'
        "<table><tr><td>Latitude</td><td>51.5074</td></tr><tr><td>Longitude</td><td>-0.1278</td></tr></table></div>"
        '</div><div class="_3-94 _a6-o">May 02, 2023, 4:00 am</div></div>'
        for name in photos
    )
    account = '<div class="pam"><table><tr><td>First Country Code<div><div>GB</div></div></td></tr></table></div>'
    return {
        "content/posts_1.html": f"<html><head><style>.x{{}}</style></head><body>{posts}</body></html>".encode(),
        "personal_information/account_information.html": f"<html><body>{account}</body></html>".encode(),
        "messages/inbox/ben_1/message_1.html": b"<html><img src='media/posts/202305/secret.jpg'></html>",
        "media/profile/202001/me.jpg": profile,
        **{f"media/posts/202305/{name}": data for name, data in photos.items()},
    }


def facebook_json(
    photos: Mapping[str, bytes], profile: bytes, *, caption: str = "Café à Paris 🇫🇷"
) -> dict[str, bytes]:
    """The JSON layout of 2024 and 2025."""
    media = "your_facebook_activity/posts/media"
    posts = [
        {
            "timestamp": MADE,
            "attachments": [
                {
                    "data": [
                        {"media": {"uri": f"{media}/MobileUploads_1/{name}", "creation_timestamp": MADE}},
                        {"place": {"name": "Paris", "coordinate": {"latitude": 48.8566, "longitude": 2.3522}}},
                    ]
                }
            ],
            "data": [{"post": split_bytes(caption)}],
        }
        for name in photos
    ]
    own = {
        "name": "Profile pictures",
        "photos": [{"uri": f"{media}/Profilepictures_2/me.jpg", "creation_timestamp": MADE}],
    }
    about = {
        "profile_v2": {
            "phone_numbers": [{"phone_type": "Mobile", "phone_number": "+33612345678", "verified": True}]
        }
    }
    return {
        "your_facebook_activity/posts/your_posts__check_ins__photos_and_videos_1.json": _json(posts),
        "your_facebook_activity/posts/album/0.json": _json(own),
        "personal_information/profile_information/profile_information.json": _json(about),
        "logged_information/location/timezone.json": _json({"timezone_v2": "Europe/Paris"}),
        "your_facebook_activity/messages/inbox/ben_1/photos/1.jpg": next(iter(photos.values()), profile),
        "friends_and_followers/your_friends.json": _json({"friends_v2": [{"name": "Ben"}]}),
        f"{media}/Profilepictures_2/me.jpg": profile,
        **{f"{media}/MobileUploads_1/{name}": data for name, data in photos.items()},
    }


def facebook_html(photos: Mapping[str, bytes], profile: bytes, *, caption: str = "À Paris 🇫🇷") -> dict[str, bytes]:
    """The HTML layout of 2021 to 2023."""
    posts = "".join(
        f'<div class="_a6-g"><div class="_2ph_ _a6-h">{caption}</div><div class="_2ph_ _a6-p">'
        f'<a href="posts/media/MobileUploads_1/{name}"><img src="posts/media/MobileUploads_1/{name}"></a></div>'
        '<div class="_3-94 _a6-o">2 May 2023, 04:00</div></div>'
        for name in photos
    )
    return {
        "posts/your_posts_1.html": f"<!DOCTYPE html><html><body>{posts}</body></html>".encode(),
        "profile_information/profile_information.html": (
            b"<html><body><div>Mobile phone</div><div>+33 6 12 34 56 78</div></body></html>"
        ),
        "messages/inbox/ben_1/message_1.html": b"<html>hello</html>",
        "posts/media/Profilepictures_2/me.jpg": profile,
        **{f"posts/media/MobileUploads_1/{name}": data for name, data in photos.items()},
    }


def takeout(
    photos: Mapping[str, bytes], profile: bytes, *, folder: str = "Google Photos", new: bool = True
) -> dict[str, bytes]:
    """Google Takeout; ``new`` sidecars are those since 2024. Sidecars of long names are cut as Google cuts them."""
    files: dict[str, bytes] = {
        "Takeout/archive_browser.html": b"<html></html>",
        "Takeout/Profile/ProfilePhoto.jpg": profile,
        "Takeout/Mail/All mail.mbox": b"From: ben",
        "Takeout/Contacts/All contacts.vcf": b"BEGIN:VCARD",
        "Takeout/Google Account/anna.SubscriberInfo.html": (
            b"<html><ul><li>Terms of Service Language: de</li><li>Phone: +4915112345678 [DE]</li></ul></html>"
        ),
        f"Takeout/{folder}/Photos from 2023/metadata.json": _json({"title": "Photos from 2023"}),
    }
    for number, (name, data) in enumerate(photos.items()):
        said = {
            "title": name.replace("(1)", ""),
            "description": "Am Brandenburger Tor 🇩🇪",
            "photoTakenTime": {"timestamp": str(MADE + number)},
            "geoData": {"latitude": 52.5163, "longitude": 13.3777}
            if number == 0
            else {"latitude": 0.0, "longitude": 0.0},
            "people": [{"name": "Ben"}],
        }
        place = f"Takeout/{folder}/Photos from 2023/"
        files[place + name] = data
        files[place + sidecar_name(name, new=new)] = _json(said)
    return files


def sidecar_name(name: str, *, new: bool) -> str:
    """The sidecar that Takeout writes beside a picture of this name."""
    stem, _, ending = name.rpartition(".")
    number = "(1)" if stem.endswith("(1)") else ""
    plain = f"{stem.removesuffix('(1)')}.{ending}" if stem else ending
    return (plain + (".supplemental-metadata" if new else ""))[:46] + number + ".json"


def zipped(files: Mapping[str, bytes], place: Path) -> Path:
    """A ZIP archive of these files."""
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return place


def tarred(files: Mapping[str, bytes], place: Path, mode: str = "w:gz") -> Path:
    """A TAR archive of these files, listings last, as Takeout's are now and then."""
    with tarfile.open(place, mode) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return place


def unpacked(files: Mapping[str, bytes], place: Path) -> Path:
    """A folder of these files."""
    for name, data in files.items():
        file = place / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return place


def _json(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=True).encode()


def main(out: Path) -> None:
    """One export of each platform and layout."""
    from tests.photographs import landscape, of_portrait

    first, second, third, *_ = of_portrait()
    photos = {"a.jpg": second, "b": third, "c.jpg": landscape()}
    out.mkdir(parents=True, exist_ok=True)
    zipped(instagram_json(photos, first), out / "instagram-json.zip")
    zipped(instagram_html(photos, first), out / "instagram-html.zip")
    zipped(facebook_json(photos, first), out / "facebook-json.zip")
    zipped(facebook_html(photos, first), out / "facebook-html.zip")
    zipped(takeout(photos, first), out / "takeout-20260501T120000Z-001.zip")
    tarred(takeout(photos, first, folder="Google Fotos", new=False), out / "takeout-older.tgz")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
