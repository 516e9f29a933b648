"""Header text leaves as a term of a closed vocabulary or as a token, never as itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID_dictionary

from pipeline.archive.vault import Vault
from pipeline.archive.vocabulary import BODY_PART, KERNEL, MANUFACTURER, MODALITY, MODEL, VOCABULARIES
from pipeline.terms import TRANSFER_SYNTAXES


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Vault:
    return Vault.create(tmp_path_factory.mktemp("vocabulary") / "vault")


@pytest.mark.parametrize(
    ("vocabulary", "text", "term"),
    [
        (MANUFACTURER, "GE MEDICAL SYSTEMS", "GE"),
        (MANUFACTURER, "siemens healthineers ", "Siemens"),
        (MODEL, "BRILLIANCE 16P", "Brilliance 16P"),
        (KERNEL, "Br40d\\3", "Br40d"),
        (KERNEL, "bone plus", "BONEPLUS"),
        (BODY_PART, "Chest", "CHEST"),
        (MODALITY, "CT", "CT"),
    ],
)
def test_known_spellings(vocabulary, text: str, term: str, vault: Vault) -> None:
    assert vocabulary.published(text, vault) == term


@given(st.sampled_from(VOCABULARIES), st.text())
def test_what_is_published_is_a_term_or_a_token(vault: Vault, vocabulary, text: str) -> None:
    published = vocabulary.published(text, vault)
    if published is None:
        assert not any(c.isalnum() or c == "+" for c in text)
    elif published not in vocabulary.terms:
        assert published.startswith("other-")
        assert set(published[6:]) <= set("0123456789abcdef")
        assert len(published) == 14


def test_equal_texts_share_a_token_within_one_vocabulary(vault: Vault, tmp_path: Path) -> None:
    token = MODEL.published("Scanner of Dr Doe", vault)
    assert token == MODEL.published("SCANNER OF DR. DOE", vault)
    assert token != KERNEL.published("Scanner of Dr Doe", vault)
    assert token != MODEL.published("Scanner of Dr Doe", Vault.create(tmp_path / "vault"))


@pytest.mark.parametrize("vocabulary", VOCABULARIES, ids=lambda v: v.name)
def test_no_spelling_means_two_terms(vocabulary) -> None:
    for term, spellings in vocabulary.terms.items():
        assert [vocabulary.term(s) for s in (term, *spellings)] == [term] * (1 + len(spellings))


def test_transfer_syntaxes_are_those_of_the_standard() -> None:
    for uid in TRANSFER_SYNTAXES:
        assert UID_dictionary[uid][1] == "Transfer Syntax"
