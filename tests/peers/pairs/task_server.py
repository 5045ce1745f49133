"""Tasks on the official Python SDK, in both eras at one address. It has a place for extensions, which those of the newest
revision use here, and none for tasks of 2025-11-25: those are answered before its types look at them."""
import json
import socket
import uuid
from datetime import datetime, timezone
from typing import Any

import anyio
import uvicorn
from mcp.server.lowlevel import Server
from mcp_types import ListToolsResult, RequestParams, Tool, ToolExecution
from pydantic import ConfigDict

EXTENSION = "io.modelcontextprotocol/tasks"
RELATED = "io.modelcontextprotocol/related-task"
MODERN = "2026-07-28"
TTL_MS = 60000
KEEP_ALIVE_S = 600  # a connection that ends just when it is used again would fail a call
POLL_MS = 20
FORM = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
QUESTION = {"method": "elicitation/create", "params": {"mode": "form", "message": "who?", "requestedSchema": FORM}}

tasks: dict[str, dict[str, Any]] = {}


class Asked(RequestParams):
    model_config = ConfigDict(extra="allow")


async def list_tools(_context, _params):
    tools = [
        Tool(name=name, input_schema={"type": "object"}, execution=ToolExecution(task_support="optional"))
        for name in ("ask_user", "forever")
    ]
    return ListToolsResult(tools=tools)


def state_of(task, context, **more):
    times = {"ttl": TTL_MS, "pollInterval": POLL_MS} if context.protocol_version != MODERN else {"ttlMs": TTL_MS, "pollIntervalMs": POLL_MS}
    return {**{key: task[key] for key in ("taskId", "status", "createdAt", "lastUpdatedAt")}, **times, **more}


def begin(name, context):
    now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    task = {"taskId": str(uuid.uuid4()), "status": "working", "createdAt": now, "lastUpdatedAt": now}
    begun = state_of(task, context)
    tasks[task["taskId"]] = task
    if name == "ask_user":
        task["status"] = "input_required"
    return begun


def answer(task, said):
    task["status"] = "completed"
    task["result"] = {"content": [{"type": "text", "text": json.dumps(said)}]}


async def get(context, asked):
    task = tasks[asked.taskId]
    if context.protocol_version != MODERN:
        return state_of(task, context)
    if task["status"] == "input_required":
        return {"resultType": "complete", **state_of(task, context, inputRequests={"who": QUESTION})}
    more = {"result": task["result"]} if "result" in task else {}
    return {"resultType": "complete", **state_of(task, context, **more)}


async def result(context, asked):
    task = tasks[asked.taskId]
    said = await context.session.elicit_form("who?", FORM, context.request_id)
    answer(task, said.model_dump(by_alias=True, mode="json", exclude_none=True))
    return {**task["result"], "_meta": {RELATED: {"taskId": asked.taskId}}}


async def update(_context, asked):
    answer(tasks[asked.taskId], asked.inputResponses["who"])
    return {"resultType": "complete"}


async def cancel(context, asked):
    task = tasks[asked.taskId]
    task["status"] = "cancelled"
    return state_of(task, context) if context.protocol_version != MODERN else {"resultType": "complete"}


async def call(context, params):
    return {"resultType": "task", **begin(params.name, context)}


async def as_task(context, call_next):
    """What the SDK's types of 2025-11-25 would take out: the capability, and the answer that is a task."""
    if context.method == "tools/call" and (context.params or {}).get("task") is not None:
        return {"task": begin(context.params["name"], context)}
    given = await call_next(context)
    if context.method == "initialize":
        given["capabilities"]["tasks"] = {"list": {}, "cancel": {}, "requests": {"tools": {"call": {}}}}
    return given


server = Server("tasks", on_list_tools=list_tools, on_call_tool=call)
server.extensions[EXTENSION] = {}
server.middleware.append(as_task)
for method, handler in (("get", get), ("result", result), ("update", update), ("cancel", cancel)):
    server.add_request_handler(f"tasks/{method}", Asked, handler)

listener = socket.create_server(("127.0.0.1", 0))
print(json.dumps({"listening": f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"}), flush=True)
app = server.streamable_http_app()
uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1, timeout_keep_alive=KEEP_ALIVE_S)).run(sockets=[listener])
