"""Messages for the outside, by a conductor with its own broker user: stored once, readable by anybody."""

from pathlib import Path

import pytest

from broker.connection import close, connect
from broker.provision import provision
from broker.read import all_of
from orchestration.broker_setup import CONDUCTOR, USERS, setup
from orchestration.tasks.posting import DETAILS, STREAM, BrokerPosts, Post
from tests.conftest import PASSWORD, USER, RealNats, free_port

pytestmark = pytest.mark.more


async def test_a_conductor_may_post_and_a_repeated_post_is_one_message(tmp_path: Path) -> None:
    secret = "conductor-secret"
    users = {USER: (PASSWORD, None), CONDUCTOR: (secret, USERS[CONDUCTOR])}
    server = RealNats(folder=tmp_path, port=free_port(), users=users)
    await server.start()
    try:
        client = await connect(server.url, user=USER, password=PASSWORD, name="test")
        configured = setup()
        await provision(client, configured.streams, configured.consumers)
        conductor = await connect(server.url, user=CONDUCTOR, password=secret, name="conductor")
        for _ in range(2):
            await BrokerPosts(conductor).post(Post("sqs", "jobs.fifo", "hé", "once", {"Subject": "ü\n"}))
        (found,) = await all_of(client, STREAM, "aws.>")
        assert (found.subject, found.body.decode()) == ("aws.sqs.jobs~2E-fifo", "hé")
        assert found.headers[DETAILS] == '{"Subject": "\\u00fc\\n"}'
        await close(conductor)
        await close(client)
    finally:
        server.stop()
