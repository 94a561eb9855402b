"""Each cause has a setting, and each setting is a cause."""

from bridge.config import FailureAction, FailuresSettings
from bridge.model import Cause


def test_there_is_a_setting_for_every_cause_and_no_other():
    settings = set(FailuresSettings.__struct_fields__) - {"most_per_day", "most_per_title"}
    assert settings == {cause.value for cause in Cause}
    assert all(FailuresSettings().action(cause) is FailureAction.REPLACE for cause in Cause)
