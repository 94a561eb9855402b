"""Each numbered difference in docs/qbittorrent-api.md is held by tests that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "qbittorrent-api.md").read_text("utf-8").partition("## Differences")[2]
NUMBERS = [int(number) for number in re.findall(r"^(\d+)\. ", PAGE, re.M)]

# Each of these fails once the bridge answers as the real server does.
HELD_BY = {
    1: ["together/test_face_adding.py::test_the_same_again_is_fine"],
    2: ["together/test_face_arrs.py::test_a_delete_without_delete_files_keeps_them"],
    3: [
        "together/test_face_arrs.py::test_base32_and_hybrid_sources_show_the_hash_that_arrs_look_for",
        "together/test_differences.py::test_a_torrent_of_version_two_has_its_whole_hash",
    ],
    4: ["together/test_differences.py::test_both_versions_verbs_and_words_work_in_both_dialects"],
    5: [
        "unit/test_views.py::test_a_finished_torrent_may_be_moved_and_removed_whatever_limit_a_client_set",
        "unit/test_views.py::test_a_ratio_limit_of_minus_one_keeps_it",
    ],
    6: [
        "together/test_differences.py::test_a_torrent_has_its_own_folder_whatever_layout_is_asked_for",
        "together/test_differences.py::test_a_categorys_path_counts_without_automatic_management",
    ],
    7: [
        "together/test_differences.py::test_a_torrent_has_its_own_folder_whatever_layout_is_asked_for"
    ],
    8: [
        "together/test_face_adding.py::test_a_path_outside_the_root_fails",
        "together/test_face_managing.py::test_a_category_cannot_lead_out_of_the_root",
        "together/test_face_moving.py::test_nothing_moves_out_of_the_root",
        "together/test_face_moving.py::test_a_file_cannot_be_renamed_out_of_its_folder",
        "together/test_differences.py::test_a_name_that_is_not_safe_on_every_disk_is_refused",
    ],
    9: [
        "together/test_face_adding.py::test_skip_checking_fails_because_there_is_nothing_to_seed_from"
    ],
    10: [
        "together/test_face_links.py::test_a_web_link_is_fetched_and_followed",
        "together/test_face_links.py::test_a_web_link_that_leads_to_no_torrent_fails_and_the_log_names_its_host",
        "together/test_face_links.py::test_all_links_share_one_patience_and_what_came_in_time_is_taken",
        "together/test_face_links.py::test_fifty_links_are_fetched_and_more_are_refused_as_a_whole",
        "together/test_face_adding.py::test_what_names_no_torrent_fails",
    ],
    11: [
        "together/test_face_adding.py::test_all_uploads_count_also_under_one_name",
        "together/test_face_adding.py::test_a_bad_file_says_no_to_the_whole_request",
        "together/test_face_adding.py::test_more_torrents_than_can_be_committed_in_time_are_refused_as_a_whole",
    ],
    12: [
        "together/test_face_http.py::test_wrong_passwords_are_slowed_and_a_right_one_is_never_refused",
        "unit/test_session.py::test_wrong_passwords_from_one_address_are_slowed_to_one_a_second",
        "unit/test_session.py::test_a_right_password_is_let_in_at_once_whatever_a_flood_from_its_address_does",
    ],
    13: [
        "together/test_differences.py::test_no_preference_opens_a_door_or_turns_off_what_arrs_need",
        "unit/test_session.py::test_a_page_from_elsewhere_cannot_ask",
        "unit/test_session.py::test_a_list_of_hosts_is_the_list_of_hosts",
    ],
    14: [
        "together/test_differences.py::test_no_preference_opens_a_door_or_turns_off_what_arrs_need"
    ],
    15: ["together/test_differences.py::test_a_category_has_no_download_path_of_its_own"],
    16: [
        "together/test_differences.py::test_a_request_without_host_is_refused",
        "together/test_differences.py::test_chunked_bodies_are_understood_and_connection_close_is_heeded",
        "together/test_differences.py::test_a_method_that_does_not_exist_is_400",
    ],
    17: [
        "unit/test_views.py::test_keys_and_types_are_the_recorded_ones_and_those_of_later_versions"
    ],
    18: [
        "together/test_differences.py::test_what_would_be_kept_for_nothing_is_refused",
    ],
    19: [
        "together/test_differences.py::test_a_forced_torrent_keeps_the_word_for_what_happens_to_it"
    ],
    20: ["together/test_differences.py::test_peers_and_trackers_are_torboxs"],
    21: ["together/test_differences.py::test_names_and_tags_are_tidied"],
}


def test_every_difference_is_held_and_no_other() -> None:
    assert list(range(1, len(NUMBERS) + 1)) == NUMBERS
    assert sorted(HELD_BY) == NUMBERS


@pytest.mark.parametrize("number", HELD_BY)
def test_the_tests_that_hold_a_difference_exist(number: int) -> None:
    assert HELD_BY[number]
    for one in HELD_BY[number]:
        file, _, name = one.partition("::")
        assert f"def {name}(" in (ROOT / "tests" / file).read_text("utf-8"), one
