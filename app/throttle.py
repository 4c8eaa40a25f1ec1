"""Failed logins by name and by address, counted in the record for all workers together.

An attempt is counted before the password is looked at, so that many at once do not slip
through; whoever knows the password is not counted. After some failures each further one is
answered by a longer wait. Names are counted whether anybody has them or not.
"""

from __future__ import annotations

import hashlib
import ipaddress
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, select

from app.problems import Problem
from app.times import stamp
from geo.record.protocol import Record
from geo.record.tables import logins

#: Failures before the first wait; behind one address there may be a whole office.
OF_NAME, OF_ADDRESS = 5, 50
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(minutes=15)
#: Without a failure for so long all is forgotten.
MEMORY = timedelta(hours=1)


def keys(name: str, address: str) -> tuple[tuple[bytes, int], ...]:
    """What an attempt counts for, with the failures that are free: (SHA-256, free)."""
    return (_key("address", _network(address)), OF_ADDRESS), (_key("name", name), OF_NAME)


def _key(kind: str, text: str) -> bytes:
    return hashlib.sha256(f"{kind}\0{text}".encode()).digest()


def _network(address: str) -> str:
    """An IPv6 client has as many addresses as it likes within its /64."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(found) if found.version == 4 else str(ipaddress.ip_network((int(found), 64), False))


def count(record: Record, name: str, address: str) -> None:
    """Count an attempt. Raises `Problem` E_RATE while one must wait; then nothing is counted."""
    moment = datetime.now(UTC)
    with record.write() as connection:
        for key, free in keys(name, address):
            _count(connection, key, free, moment)
        connection.execute(logins.delete().where(logins.c.failed_at < stamp(moment - 24 * MEMORY)))


def _count(connection: Connection, key: bytes, free: int, moment: datetime) -> None:
    row = connection.execute(select(logins).where(logins.c.key == key)).one_or_none()
    failures = 0
    if row is not None:
        if row.until and row.until > stamp(moment):
            left = datetime.fromisoformat(row.until) - moment
            seconds = max(1, round(left.total_seconds()))
            raise Problem(
                "E_RATE",
                f"登录失败次数过多，请 {seconds} 秒后再试",
                f"Too many failed logins; try again in {seconds} seconds",
                fix=("忘记密码请联系管理员", "Ask an administrator if the password is lost"),
                headers={"Retry-After": str(seconds)},
            )
        if row.failed_at > stamp(moment - MEMORY):
            failures = row.failures
    failures += 1
    until = None
    if failures >= free:
        doubled = FIRST_WAIT * 2 ** min(10, failures - free)
        until = stamp(moment + min(doubled, LONGEST_WAIT))
    values = {"failures": failures, "failed_at": stamp(moment), "until": until}
    if row is None:
        connection.execute(logins.insert().values(key=key, **values))
    else:
        connection.execute(logins.update().where(logins.c.key == key).values(**values))


def forgive(record: Record, name: str, address: str) -> None:
    """The attempt was a good one: the name starts anew, the address has one failure less."""
    of_address, of_name = (key for key, _ in keys(name, address))
    with record.write() as connection:
        connection.execute(logins.delete().where(logins.c.key == of_name))
        connection.execute(
            logins.update()
            .where(logins.c.key == of_address)
            .values(failures=logins.c.failures - 1, until=None)
        )
