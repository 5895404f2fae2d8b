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
INSTAGRAM_NAME = "Anna.In.London"
FACEBOOK_PAGE = "https://www.facebook.com/anna.mueller.77"
GOOGLE_ADDRESS, GOOGLE_NUMBER = "anna.forensic@example.org", "112233445566778899001"


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
    """The JSON layout of 2023 to 2025; ``photos`` by file name. The profile's picture lies among others."""
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
    me = {"uri": "media/other/me.jpg", "creation_timestamp": MADE}
    about = {
        "profile_user": [
            {
                "media_map_data": {"Profile Photo": me},
                "string_map_data": {
                    "Phone Number": {"value": "+447700900123"},
                    "Username": {"value": INSTAGRAM_NAME},
                },
            }
        ]
    }
    insights = {"profile_account_insights": [{"string_map_data": {"First Country Code": {"value": "GB"}}}]}
    chat = {
        "participants": [{"name": "Ben"}],
        "messages": [{"photos": [{"uri": "messages/inbox/ben_1/photos/1.jpg"}]}],
    }
    files: dict[str, bytes] = {
        "your_instagram_activity/media/posts_1.json": _json(posts),
        "your_instagram_activity/media/profile_photos.json": _json({"ig_profile_picture": [me]}),
        "personal_information/personal_information/personal_information.json": _json(about),
        "personal_information/personal_information/instagram_profile_information.json": _json(insights),
        "your_instagram_activity/messages/inbox/ben_1/message_1.json": _json(chat),
        "your_instagram_activity/messages/inbox/ben_1/photos/1.jpg": next(iter(photos.values()), profile),
        "connections/contacts/synced_contacts.json": _json({"contacts_contact_info": []}),
        "media/other/me.jpg": profile,
        "media/posts/202305/film.mp4": b"\0\0\0\x18ftypmp42",
        **{f"media/posts/202305/{name}": data for name, data in photos.items()},
    }
    return {root + name: data for name, data in files.items()}


def instagram_labelled(
    photos: Mapping[str, bytes], profile: bytes, *, caption: str = "Grüße aus London 🇬🇧"
) -> dict[str, bytes]:
    """The JSON layout that has been spreading since 2025: lists of labels and values."""
    files = instagram_json(photos, profile)
    posts = [
        {
            "timestamp": MADE + number,
            "media": [{"uri": f"media/posts/202305/{name}", "creation_timestamp": MADE + number}],
            "label_values": [
                {"label": "Caption", "value": split_bytes(caption)},
                {"label": "Latitude", "value": str(LONDON[0])},
                {"label": "Longitude", "value": str(LONDON[1])},
                {"label": "Tagged users", "value": "ben (Tagged, 0.00, 0.00)"},
            ],
        }
        for number, name in enumerate(photos)
    ]
    where = [{"label": "City", "value": "London"}, {"label": "Country", "value": "United Kingdom"}]
    files["your_instagram_activity/media/posts_1.json"] = _json(posts)
    files["personal_information/information_about_you/profile_based_in.json"] = _json(
        {"label_values": [{"dict": where, "title": "Location"}]}
    )
    del files["personal_information/personal_information/instagram_profile_information.json"]
    return files


def instagram_html(
    photos: Mapping[str, bytes], profile: bytes, *, caption: str = "In London 🇬🇧"
) -> dict[str, bytes]:
    """The HTML layout of 2024 to 2026."""

    def cell(label: str, value: str) -> str:
        return (
            f'<tr><td colspan="2" class="_2pin _a6_q"><div class="_a6-q">{label}<div><div class="_a6-q">{value}'
            "</div></div></div></td></tr>"
        )

    posts = "".join(
        f'<div class="pam _3-95 _2ph- _a6-g uiBoxWhite noborder"><h2 class="_3-95 _2pim _a6-h _a6-i">{caption}</h2>'
        f'<div class="_3-95 _a6-p"><div><div><a target="_blank" href="media/posts/202305/{name}">'
        f'<img src="media/posts/202305/{name}" class="_a6_o _3-96" /></a></div></div>'
        f"<table>{cell('Latitude', '51.5074')}{cell('Longitude', '-0.1278')}"
        f"{cell('Tagged users', 'ben (Tagged, 0.00, 0.00)')}</table>"
        '</div><div class="_3-94 _a6-o">May 02, 2023 4:00 am</div></div>'
        for name in photos
    )
    account = '<div class="pam"><table><tr><td>First Country Code<div><div>GB</div></div></td></tr></table></div>'
    logo = '<img src="files/Instagram-Logo.png"/>'
    me = f'{logo}<div class="pam _a6-g"><img src="media/profile/202001/me.jpg" class="_a6_o"/></div>'
    about = (
        f'<div class="pam"><table><tr><td>Username<div><div>{INSTAGRAM_NAME}</div></div></td></tr></table></div>'
    )
    page = "<html><head><style>.x{{}}</style></head><body>{}<main>{}</main></body></html>"
    return {
        "your_instagram_activity/media/posts_1.html": page.format(logo, posts).encode(),
        "your_instagram_activity/media/profile_photos.html": page.format("", me).encode(),
        "personal_information/personal_information/instagram_profile_information.html": page.format(
            logo, account
        ).encode(),
        "personal_information/personal_information/personal_information.html": page.format(logo, about).encode(),
        "your_instagram_activity/messages/inbox/ben_1/message_1.html": (
            b"<html><img src='media/posts/202305/secret.jpg'></html>"
        ),
        "files/Instagram-Logo.png": b"\x89PNG",
        "media/profile/202001/me.jpg": profile,
        **{f"media/posts/202305/{name}": data for name, data in photos.items()},
    }


def facebook_json(
    photos: Mapping[str, bytes],
    profile: bytes,
    *,
    caption: str = "Café à Paris 🇫🇷",
    activity: str = "your_facebook_activity",
    posts_file: str = "your_posts__check_ins__photos_and_videos_1.json",
) -> dict[str, bytes]:
    """The JSON layout of 2024 and 2025."""
    media = f"{activity}/posts/media"
    posts = [
        {
            "timestamp": MADE,
            "title": split_bytes("Anna Müller was with Ben."),
            "attachments": [
                {
                    "data": [
                        {
                            "media": {
                                "uri": f"{media}/MobileUploads_1/{name}",
                                "creation_timestamp": MADE,
                                "title": "Mobile uploads",
                            }
                        },
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
            "phone_numbers": [{"phone_type": "Mobile", "phone_number": "+33612345678", "verified": True}],
            "profile_uri": FACEBOOK_PAGE,
        }
    }
    place = {"city": "Paris", "region": "Île-de-France", "country": "France"}
    return {
        f"{activity}/posts/{posts_file}": _json(posts),
        f"{activity}/posts/album/0.json": _json(own),
        "personal_information/profile_information/profile_information.json": _json(about),
        "logged_information/location/timezone.json": _json({"timezone_v2": "Europe/Paris"}),
        "logged_information/location/primary_public_location.json": _json({"primary_public_location_v2": place}),
        f"{activity}/messages/inbox/ben_1/photos/1.jpg": next(iter(photos.values()), profile),
        "friends_and_followers/your_friends.json": _json({"friends_v2": [{"name": "Ben"}]}),
        f"{media}/Profilepictures_2/me.jpg": profile,
        f"{media}/stickers_used/a.png": b"\x89PNG",
        **{f"{media}/MobileUploads_1/{name}": data for name, data in photos.items()},
    }


def facebook_profile(
    photos: Mapping[str, bytes], profile: bytes, *, caption: str = "Café à Paris 🇫🇷"
) -> dict[str, bytes]:
    """The JSON layout of an additional profile or page, 2025 and 2026."""
    return facebook_json(
        photos,
        profile,
        caption=caption,
        activity="this_profile's_activity_across_facebook",
        posts_file="profile_posts_1.json",
    )


def facebook_html(photos: Mapping[str, bytes], profile: bytes, *, caption: str = "À Paris 🇫🇷") -> dict[str, bytes]:
    """The HTML layout of 2022 to 2026."""
    posts = "".join(
        '<section class="_a6-g"><h2 class="_2ph_ _a6-h _a6-i">Anna was with Ben.</h2><div class="_2ph_ _a6-p">'
        f'<div class="_2pin"><div>{caption}</div></div>'
        f'<div class="_2pin"><a href="posts/media/MobileUploads_1/{name}">'
        f'<img src="posts/media/MobileUploads_1/{name}"></a></div></div>'
        '<footer class="_3-94 _a6-o"><div class="_a72d">May 02, 2023 4:00:00 am</div></footer></section>'
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
            f"<html><ul><li><b>Google Account ID:</b> {GOOGLE_NUMBER}</li><li><b>e-Mail:</b> {GOOGLE_ADDRESS}</li>"
            "<li>Recovery e-Mail: b@example.org</li><li>Terms of Service Language: de</li>"
            "<li>Phone: +4915112345678 [DE]</li></ul></html>"
        ).encode(),
        f"Takeout/{folder}/Photos from 2023/metadata.json": _json({"title": "Photos from 2023"}),
        f"Takeout/{folder}/Photos from 2023/shared_album_comments.json": _json({"comments": ["Ben was here"]}),
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
    units = (plain + (".supplemental-metadata" if new else "")).encode("utf-16-le")[: 2 * 46]
    return units.decode("utf-16-le") + number + ".json"


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
    zipped(instagram_labelled(photos, first), out / "instagram-labelled.zip")
    zipped(facebook_html(photos, first), out / "facebook-html.zip")
    zipped(facebook_profile(photos, first), out / "facebook-profile.zip")
    zipped(takeout(photos, first), out / "takeout-20260501T120000Z-001.zip")
    tarred(takeout(photos, first, folder="Google Fotos", new=False), out / "takeout-older.tgz")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
