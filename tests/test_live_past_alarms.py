"""The alarms of a run: of very many the latest are kept."""

from audiocos.live import pastalarms
from audiocos.live.alarmstate import AlarmEvent, AlarmState, Worst


def test_of_very_many_alarms_the_latest_are_kept(monkeypatch):
    monkeypatch.setattr(pastalarms, "MOST_ALARMS", 100)
    past = pastalarms.PastAlarms()
    for second in range(250):
        for active in (True, False):
            time_s = second + (0.0 if active else 0.5)
            past.change(AlarmEvent(AlarmState(active, None, None, None, ()), time_s, float(second), Worst(snr_db=3.0)))
    assert [alarm.begin_s for alarm in past.until(AlarmState(False, None, None, None, ()))] == [*range(150, 250)]
