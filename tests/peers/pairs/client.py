"""The pairs' client on the official Python SDK: reads tours from standard input, an array of {url, token, mode, server,
prefix}, makes them and prints an array of what was seen."""
import asyncio
import json
import sys
import uuid

import anyio
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import (
    CreateMessageResult,
    ElicitResult,
    ListRootsResult,
    ResourceUpdatedNotification,
    Root,
    TextContent,
    ToolResultContent,
)

POLLS_MAX = 500
POLL_S = 0.02


async def sample(_context, params):
    """Says what it got of a tool, or that it thinks."""
    [first, *_more] = params.messages[-1].content_as_list
    text = "ann thinks"
    if isinstance(first, ToolResultContent):
        text = ",".join(str(block.resource.uri) if block.type == "resource" else block.text for block in first.content)
    return CreateMessageResult(role="assistant", model="small", content=TextContent(type="text", text=text))


async def elicit(_context, _params):
    return ElicitResult(action="accept", content={"name": "ann"})


async def roots(_context):
    return ListRootsResult(roots=[Root(uri="file:///home/ann")])


def said(result):
    return "refused" if result.is_error else result.content[0].text


async def cancels(use):
    """Takes a call back once it is under way; true when its server heard of that."""
    key = str(uuid.uuid4())
    with anyio.CancelScope() as scope:

        async def take_back(*_progress):
            scope.cancel()

        await use("wait", {"key": key}, take_back)
    for _ in range(POLLS_MAX):
        if said(await use("was_cancelled", {"key": key})) == "true":
            return True
        await anyio.sleep(POLL_S)
    return False


async def hears(client, mode, uri, touch, told):
    """Subscribes, and lets the server tell of changes until the first is heard of; a stream may open in its own time."""

    async def listen(task_status=anyio.TASK_STATUS_IGNORED):
        async with client.listen(resource_subscriptions=[uri]) as subscription:
            task_status.started()
            async for event in subscription:
                told.append(event.uri)

    async with anyio.create_task_group() as group:
        if mode == "legacy":
            await client.subscribe_resource(uri)
        else:
            await group.start(listen)
        for _ in range(POLLS_MAX):
            if told:
                break
            await touch()
            await anyio.sleep(POLL_S)
        group.cancel_scope.cancel()
    return told[0] if told else None


async def tour(client, mode, server, prefix, told):
    progress = []

    async def note(done, *_more):
        progress.append(done)

    async def use(name, arguments=None, on_progress=None):
        return await client.call_tool(prefix + name, arguments or {}, progress_callback=on_progress)

    names = [tool.name for tool in (await client.list_tools()).tools]
    return {
        "tools": sorted(name for name in names if name.startswith(prefix)),
        "echo": said(await use("echo", {"text": "é"})),
        "text": (await client.read_resource(f"pair://{server}/text")).contents[0].text,
        "greeting": (await client.get_prompt(prefix + "greet", {"whom": "ann"})).messages[0].content.text,
        "model": said(await use("ask_model")),
        "quoted": said(await use("ask_about")),
        "user": said(await use("ask_user")),
        "roots": said(await use("ask_roots")),
        "counted": said(await use("count", None, note)),
        "progress": progress,
        "cancelled": await cancels(use),
        "told": await hears(client, mode, f"pair://{server}/text", lambda: use("touch"), told),
    }


async def make(one):
    headers = {"Authorization": f"Bearer {one['token']}"}
    async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
        link = streamable_http_client(one["url"], http_client=http)
        callbacks = {"sampling_callback": sample, "elicitation_callback": elicit, "list_roots_callback": roots}
        told = []

        async def hear(message):
            if isinstance(message, ResourceUpdatedNotification):
                told.append(message.params.uri)

        async with Client(link, mode=one["mode"], message_handler=hear, **callbacks) as client:
            return await tour(client, one["mode"], one["server"], one["prefix"], told)


async def seen_on(one):
    try:
        return await make(one)
    except Exception as error:  # what went wrong is what was seen
        return {"error": repr(error)}


async def main():
    print(json.dumps(await asyncio.gather(*map(seen_on, json.load(sys.stdin)))))


asyncio.run(main())
