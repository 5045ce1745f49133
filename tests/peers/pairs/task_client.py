"""The pairs' client of tasks on the official Python SDK: reads tours from standard input, an array of {url, token,
revision, prefix}, makes them and prints an array of what was seen. What the SDK has for extensions takes the tasks of the newest
revision; those of 2025-11-25 its client does not know, so that their requests are made by their methods."""
import asyncio
import json
import sys
from contextlib import asynccontextmanager
from typing import Any, Literal

import anyio
import httpx2
from mcp import Client
from mcp.client.extension import ClientExtension, ResultClaim
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolRequest, CallToolRequestParams, ElicitResult, Request, RequestParams, Result, TaskMetadata
from pydantic import ConfigDict, TypeAdapter

EXTENSION = "io.modelcontextprotocol/tasks"
MODERN = "2026-07-28"
TTL_MS = 60000
POLL_S = 0.02
ANSWER = {"action": "accept", "content": {"name": "ann"}}
ANY = TypeAdapter(dict[str, Any])


async def elicit(_context, _params):
    return ElicitResult(**ANSWER)


class TaskParams(RequestParams):
    model_config = ConfigDict(extra="allow")
    taskId: str


class TaskRequest(Request[TaskParams, str]):
    name_param = "taskId"


class Task(Result):
    model_config = ConfigDict(extra="allow")
    result_type: Literal["task"] = "task"
    taskId: str


async def nothing(_task, _context):
    raise RuntimeError("the tour looks at its tasks itself")


class Tasks(ClientExtension):
    identifier = EXTENSION

    def claims(self):
        return [ResultClaim(result_type="task", model=Task, resolve=nothing)]


class Tapped:
    """A transport that keeps the newest answer, for what the types of the client do not take."""

    def __init__(self, link):
        self.link = link
        self.answer = None

    @asynccontextmanager
    async def open(self):
        async with self.link as (read, write):
            give, take = anyio.create_memory_object_stream(16)

            async def pump():
                async with give:
                    async for message in read:
                        self.answer = getattr(getattr(message, "message", None), "result", None) or self.answer
                        await give.send(message)

            async with anyio.create_task_group() as group:
                group.start_soon(pump)
                yield take, write
                group.cancel_scope.cancel()


class Tour:
    def __init__(self, client, tap):
        self.client, self.tap, self.is_legacy = client, tap, client.protocol_version != MODERN

    async def request(self, method, task_id, **more):
        params = TaskParams(taskId=task_id, **more)
        return await self.client.session.send_request(TaskRequest(method=f"tasks/{method}", params=params), ANY)

    async def begin(self, name):
        if not self.is_legacy:
            return (await self.client.session.call_tool(name, {}, allow_claimed=True)).taskId
        params = CallToolRequestParams(name=name, arguments={}, task=TaskMetadata(ttl=TTL_MS))
        try:
            await self.client.session.send_request(CallToolRequest(params=params), ANY)
        except ValueError:  # of the types: an answer without content
            pass
        return self.tap.answer["task"]["taskId"]

    async def finish(self, task_id):
        if self.is_legacy:
            return await self.request("result", task_id)
        while True:
            state = await self.request("get", task_id)
            if state["status"] == "completed":
                return state["result"]
            if state["status"] == "input_required":
                await self.request("update", task_id, inputResponses={key: ANSWER for key in state["inputRequests"]})
            await anyio.sleep(POLL_S)

    async def make(self, offered, prefix):
        if not offered:
            return {"offered": False}
        asking = await self.begin(f"{prefix}ask_user")
        answered = json.loads((await self.finish(asking))["content"][0]["text"])
        endless = await self.begin(f"{prefix}forever")
        before = (await self.request("get", endless))["status"]
        await self.request("cancel", endless)
        after = (await self.request("get", endless))["status"]
        sealed = all(task_id.startswith("task1.") for task_id in (asking, endless))
        return {"offered": True, "answered": answered, "states": [before, after], "sealed": sealed}


async def is_offered(client):
    if client.protocol_version != MODERN:
        return client.server_capabilities.tasks is not None
    # Of a revision that is named the client does not ask itself.
    return EXTENSION in (await client.session.send_discover(MODERN))["capabilities"].get("extensions", {})


async def make(one):
    headers = {"Authorization": f"Bearer {one['token']}"}
    async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
        tap = Tapped(streamable_http_client(one["url"], http_client=http))
        mode = MODERN if one["revision"] == MODERN else "legacy"
        async with Client(tap.open(), mode=mode, elicitation_callback=elicit, extensions=[Tasks()]) as client:
            return await Tour(client, tap).make(await is_offered(client), one["prefix"])


async def seen_on(one):
    try:
        return await make(one)
    except Exception as error:  # what went wrong is what was seen
        return {"error": repr(error)}


async def main():
    print(json.dumps(await asyncio.gather(*map(seen_on, json.load(sys.stdin)))))


asyncio.run(main())
