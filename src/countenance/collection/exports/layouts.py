"""What the platforms' archives look like, one table each. A new platform is a new table.

Rules kept here:

* A table lists what is opened. What no table lists (messages, contacts, searches, advertising, ...) never is.
* Patterns are about the path inside the export, from the export's own root, in lower case.
* ``own`` are the account's own pictures of itself: the test of whose export it is.
* What is said of other people (headlines that name friends, tags) is no caption.
* What an account is called is read to know an erased one again, and for nothing else.

Sources: what public readers of such exports expect (named in docs/importing.md, read in November 2026), and memory
where those say nothing. Platforms change their exports without notice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum


class Fact(Enum):
    """What an account file may tell: where its owner lives, and which account it is."""

    COUNTRY = "country"
    PHONE = "phone"
    LANGUAGE = "language"
    TIME_ZONE = "time zone"
    ACCOUNT = "account"
    """Its name or address on the platform, perhaps as the address of its page."""
    ACCOUNT_NUMBER = "account number"


@dataclass(frozen=True, slots=True)
class AccountFile:
    """A file about the account, and the labels under which a fact stands in it (lower case)."""

    path: re.Pattern[str]
    labels: tuple[tuple[str, Fact], ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """One platform's archive."""

    platform: str
    marks: tuple[re.Pattern[str], ...]
    """A path that ends so shows the platform; what stands before it is the export's root."""
    media: tuple[re.Pattern[str], ...]
    own: tuple[re.Pattern[str], ...]
    listings: tuple[re.Pattern[str], ...]
    """JSON and HTML files that list media with captions, times and positions."""
    account: tuple[AccountFile, ...]
    own_listings: tuple[re.Pattern[str], ...] = ()
    """Listings and account files whose pictures are the account's own of itself, wherever these lie."""
    prefix: re.Pattern[str] | None = None
    """What some exports write before every path, and others do not."""
    path_keys: tuple[str, ...] = ("uri",)
    caption_keys: tuple[str, ...] = ("title", "description", "caption", "post")
    caption_labels: frozenset[str] = frozenset({"caption", "description"})
    """Labels (lower case) of captions in listings that are lists of labels and values."""
    time_keys: tuple[str, ...] = ("creation_timestamp", "taken_timestamp", "timestamp")
    entry_classes: frozenset[str] = frozenset({"pam", "_a6-g"})
    """Classes of the HTML element that holds one post."""
    headline_is_caption: bool = True
    """Whether an HTML post's headline is what the owner wrote, and not the platform's sentence about it."""
    split_bytes: bool = False
    """Text is written with each UTF-8 byte as a character of its own."""
    sidecars: bool = False
    """Each picture has a JSON file of its own beside it."""


def _paths(*patterns: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern) for pattern in patterns)


_KINDS = "posts|stories|reels|profile|other|igtv|archived_posts"

_USER_NAME = (
    "username",
    "benutzername",
    "nom d’utilisateur",
    "nom d'utilisateur",
    "nombre de usuario",
    "nome utente",
    "nome de usuário",
    "gebruikersnaam",
)
"""The label of an Instagram account's name; exports write it in the account's language."""

INSTAGRAM = Layout(
    platform="Instagram",
    marks=_paths(
        rf"media/(?:{_KINDS})/\d{{6}}/[^/]+$",
        r"(?:your_instagram_activity/)?(?:content|media)/(?:posts_\d+|stories|reels|profile_photos)\.(?:json|html)$",
        r"personal_information/(?:personal_information/)?personal_information\.(?:json|html)$",
        r"(?:photos|profile|stories)/\d{6}/[0-9a-f]{16,}\.jpg$",
    ),
    media=_paths(rf"media/(?:{_KINDS})/(?:\d{{6}}/)?[^/]+", r"(?:photos|profile|stories)/\d{6}/[^/]+"),
    own=_paths(r"media/profile/(?:\d{6}/)?[^/]+", r"profile/\d{6}/[^/]+"),
    own_listings=_paths(
        r"(?:your_instagram_activity/)?(?:content|media)/profile_photos\.(?:json|html)",
        r"(?:personal_information|account_information)/(?:personal_information/)?personal_information\.(?:json|html)",
    ),
    listings=_paths(
        r"(?:your_instagram_activity/)?(?:content|media)/"
        r"(?:posts_\d+|stories|reels|igtv_videos|profile_photos|archived_posts|other_content)\.(?:json|html)",
        r"media\.json",
    ),
    account=(
        AccountFile(
            re.compile(
                r"(?:personal_information|account_information)/(?:personal_information/)?"
                r"(?:instagram_profile_information|account_information)\.(?:json|html)"
            ),
            (("first country code", Fact.COUNTRY),),
        ),
        AccountFile(
            re.compile(
                r"(?:personal_information|account_information)/(?:personal_information/)?personal_information\.(?:json|html)"
            ),
            (("phone number", Fact.PHONE), *((name, Fact.ACCOUNT) for name in _USER_NAME)),
        ),
        AccountFile(  # where the platform takes the account to be
            re.compile(
                r"(?:personal_information/)?information_about_you/(?:profile|account)_based_in\.(?:json|html)"
            ),
            (("country", Fact.COUNTRY),),
        ),
    ),
    path_keys=("uri", "path"),
    caption_keys=("title", "caption"),
    time_keys=("creation_timestamp", "taken_at"),
    split_bytes=True,
)

_ACTIVITY = "(?:your_facebook_activity|your_activity_across_facebook|this_profile's_activity_across_facebook)/"
_POSTS = r"(?:album/\d+|(?:your|profile)_posts[^/]*|(?:your_)?photos|(?:your_)?uncategorized_photos)\.(?:json|html)"
_PROFILE_PICTURES = (
    "(?:profilepictures|profilbilder|profilbilleder|photosdeprofil|fotosdeperfil|fotosdoperfil|immaginidelprofilo"
    "|profielfoto'?s|zdjęciaprofilowe|profilresimleri)_[^/]+/[^/]+"
)

FACEBOOK = Layout(
    platform="Facebook",
    marks=_paths(
        rf"(?:{_ACTIVITY})?posts/{_POSTS}$",
        r"photos_and_videos/(?:album/\d+|your_photos|your_videos)\.(?:json|html)$",
        r"(?:(?:personal_information|profile_information)/)?profile_information/profile_information\.(?:json|html)$",
        rf"{_ACTIVITY}posts/media/[^/]+/[^/]+$",
    ),
    media=_paths(
        rf"(?:{_ACTIVITY})?posts/media/(?!stickers_used/)(?:[^/]+/)?[^/]+",
        r"photos_and_videos/(?!thumbnails/|album/|stickers_used/)[^/]+/[^/]+\.(?!json|html)[^/]+",
    ),
    own=_paths(rf"(?:{_ACTIVITY})?posts/media/{_PROFILE_PICTURES}", rf"photos_and_videos/{_PROFILE_PICTURES}"),
    listings=_paths(
        rf"(?:{_ACTIVITY})?posts/{_POSTS}", r"photos_and_videos/(?:album/\d+|your_photos)\.(?:json|html)"
    ),
    prefix=re.compile(_ACTIVITY),
    account=(
        AccountFile(
            re.compile(
                r"(?:(?:personal_information|profile_information)/)?profile_information/"
                r"profile_information\.(?:json|html)"
            ),
            (
                ("phone_number", Fact.PHONE),
                ("mobile phone", Fact.PHONE),
                ("phone number", Fact.PHONE),
                ("profile_uri", Fact.ACCOUNT),
                ("profile url", Fact.ACCOUNT),
                ("username", Fact.ACCOUNT),
            ),
        ),
        AccountFile(
            re.compile(r"(?:logged_information/|preferences/)?(?:location/)?timezone\.(?:json|html)"),
            (("timezone_v2", Fact.TIME_ZONE), ("timezone", Fact.TIME_ZONE), ("time zone", Fact.TIME_ZONE)),
        ),
        AccountFile(
            re.compile(r"preferences/(?:[^/]+/)?language_and_locale\.(?:json|html)"),
            (("locale", Fact.LANGUAGE), ("language", Fact.LANGUAGE)),
        ),
        AccountFile(  # where the platform takes the account to be
            re.compile(r"logged_information/(?:location/)?primary_public_location\.(?:json|html)"),
            (("country", Fact.COUNTRY),),
        ),
    ),
    caption_keys=("description", "post"),
    headline_is_caption=False,
    split_bytes=True,
)

_GOOGLE_PHOTOS = (
    r"google (?:photos|fotos|foto|foto's|foto’s|フォト|фото|相簿|相册|포토|kuvat|billeder|bilder|zdjęcia|fotky"
    r"|fotografie|fotoğraflar|photo)"
)

TAKEOUT = Layout(
    platform="Google Takeout",
    marks=_paths(
        rf"{_GOOGLE_PHOTOS}/[^/]+/[^/]+$",
        r"[^/]+/[^/]+\.subscriberinfo\.html$",  # the folder's name is translated, the file's is not
    ),
    media=_paths(rf"{_GOOGLE_PHOTOS}/[^/]+/(?!.*\.(?:json|html)$)[^/]+", r"[^/]+/profilephoto\.[^/]+"),
    own=_paths(r"[^/]+/profilephoto\.[^/]+", rf"{_GOOGLE_PHOTOS}/profile photos/(?!.*\.(?:json|html)$)[^/]+"),
    listings=_paths(rf"{_GOOGLE_PHOTOS}/[^/]+/[^/]+\.json"),
    account=(
        AccountFile(
            re.compile(r"[^/]+/[^/]+\.subscriberinfo\.html"),
            (
                ("country", Fact.COUNTRY),
                ("recovery sms", Fact.PHONE),
                ("phone", Fact.PHONE),
                ("terms of service language", Fact.LANGUAGE),
                ("e-mail", Fact.ACCOUNT),
                ("google account id", Fact.ACCOUNT_NUMBER),
            ),
        ),
    ),
    sidecars=True,
)

LAYOUTS = (INSTAGRAM, FACEBOOK, TAKEOUT)


@dataclass(frozen=True, slots=True)
class Export:
    """A recognised export: its layout, and the path of its root inside the archive (empty, or with a slash)."""

    layout: Layout
    root: str

    def inside(self, name: str) -> str | None:
        """The path from the export's root, in lower case; None for what lies outside it."""
        return _lower(name[len(self.root) :]) if name.startswith(self.root) else None

    def is_media(self, name: str) -> bool:
        """Whether the table lists this path as a picture or video."""
        return self._any(self.layout.media, name)

    def is_own(self, name: str) -> bool:
        """Whether the table lists this path as a picture that the account shows of itself."""
        return self._any(self.layout.own, name)

    def is_listing(self, name: str) -> bool:
        """Whether the table lists this path as saying something about media."""
        return self._any(self.layout.listings, name)

    def is_own_listing(self, name: str) -> bool:
        """Whether the pictures that the file at this path names are the account's own of itself."""
        return self._any(self.layout.own_listings, name)

    def key(self, path: str) -> str:
        """A path of a listing or of the archive in the form under which both are compared."""
        plain = _lower(path)
        prefix = self.layout.prefix
        return plain if prefix is None else prefix.sub("", plain, count=1) if prefix.match(plain) else plain

    def account_file(self, name: str) -> AccountFile | None:
        """The account file at this path, if the table has one."""
        path = self.inside(name)
        return next((f for f in self.layout.account if path is not None and f.path.fullmatch(path)), None)

    def _any(self, patterns: tuple[re.Pattern[str], ...], name: str) -> bool:
        path = self.inside(name)
        return path is not None and any(pattern.fullmatch(path) for pattern in patterns)


_ROOT = re.compile(r"(?:(?!messages/|inbox/)[^/]+/){0,3}", re.IGNORECASE)


def _lower(text: str) -> str:
    """Lower case of the same length, so that places in it are places in ``text``."""
    lower = text.lower()
    return lower if len(lower) == len(text) else "".join(c.lower() if c.isascii() else c for c in text)


def recognise(names: list[str]) -> Export | None:
    """The export that these paths are of, by the marks that most of them bear; None for a plain album."""
    votes: dict[tuple[int, str], int] = {}
    for name in names:
        lower = _lower(name)
        for number, layout in enumerate(LAYOUTS):
            for mark in layout.marks:
                found = mark.search(lower)
                if found is None:
                    continue
                root = name[: found.start()]
                if _ROOT.fullmatch(root) is not None:
                    votes[number, root] = votes.get((number, root), 0) + 1
                break
    if not votes:
        return None
    # The most marks; among equals the shortest root, so that a folder called like a platform's does not hide it.
    number, root = max(votes, key=lambda key: (votes[key], -len(key[1])))
    return Export(LAYOUTS[number], root)
