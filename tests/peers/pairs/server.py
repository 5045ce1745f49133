"""The pairs' server on the official Python SDK, in both eras at one address: server.py NAME. It prints where it listens."""
import json
import socket
import sys
from typing import Annotated, Any

import anyio
import uvicorn
from mcp.server import MCPServer
from mcp.server.mcpserver import Context, Elicit, ListRoots, Resolve, Sample
from mcp_types import (
    CreateMessageResult,
    EmbeddedResource,
    EmptyResult,
    ListRootsResult,
    SamplingMessage,
    SubscribeRequestParams,
    TextContent,
    TextResourceContents,
    ToolResultContent,
    ToolUseContent,
    UnsubscribeRequestParams,
)
from pydantic import BaseModel

NAME = sys.argv[1]
URI = f"pair://{NAME}/text"
MODERN = "2026-07-28"
KEEP_ALIVE_S = 600  # a connection that ends just when it is used again would fail a call
server = MCPServer(NAME)
cancelled: set[str] = set()


async def take(_context, _params) -> EmptyResult:
    return EmptyResult()


# MCPServer has a word for those who listen only; sessions that subscribe are the business of the server below it.
below = server._lowlevel_server
below.add_request_handler("resources/subscribe", SubscribeRequestParams, take)
below.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, take)


class Form(BaseModel):
    name: str


def model() -> Sample:
    return Sample([SamplingMessage(role="user", content=TextContent(type="text", text="who?"))], max_tokens=9)


def quote() -> Sample:
    notes = [TextResourceContents(uri=f"pair://{NAME}/{part}", text="a text") for part in ("text", "closed")]
    blocks = [EmbeddedResource(type="resource", resource=note) for note in notes]
    use = ToolUseContent(type="tool_use", id="use-1", name="look", input={})
    result = ToolResultContent(type="tool_result", tool_use_id="use-1", content=blocks)
    messages = [SamplingMessage(role="assistant", content=use), SamplingMessage(role="user", content=[result])]
    return Sample(messages, max_tokens=9)


def user() -> Elicit[Form]:
    return Elicit("who?", Form)


def roots() -> ListRoots:
    return ListRoots()


@server.tool(structured_output=False)
def echo(text: str) -> str:
    return text


@server.tool(structured_output=False)
def ask_model(answer: Annotated[CreateMessageResult, Resolve(model)]) -> str:
    return answer.content.text


@server.tool(structured_output=False)
def ask_about(answer: Annotated[CreateMessageResult, Resolve(quote)]) -> str:
    return answer.content.text


@server.tool(structured_output=False)
def ask_user(answer: Annotated[Form, Resolve(user)]) -> str:
    return answer.name


@server.tool(structured_output=False)
def ask_roots(answer: Annotated[ListRootsResult, Resolve(roots)]) -> str:
    return ",".join(str(root.uri) for root in answer.roots)


@server.tool(structured_output=False)
async def count(context: Context[Any, Any]) -> str:
    for progress in (1, 2, 3):
        await context.report_progress(progress)
    return "counted"


@server.tool(structured_output=False)
async def wait(key: str, context: Context[Any, Any]) -> str:
    await context.report_progress(1)
    try:
        await anyio.sleep_forever()
    finally:
        cancelled.add(key)


@server.tool(structured_output=False)
def was_cancelled(key: str) -> str:
    return "true" if key in cancelled else "false"


@server.tool(structured_output=False)
async def touch(context: Context[Any, Any]) -> str:
    if context.request_context.protocol_version == MODERN:
        await context.notify_resource_updated(URI)
    else:
        await context.session.send_resource_updated(URI)
    return "touched"


@server.resource(URI)
def text() -> str:
    return "a text"


@server.prompt()
def greet(whom: str) -> str:
    return f"hello {whom}"


listener = socket.create_server(("127.0.0.1", 0))
print(json.dumps({"listening": f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"}), flush=True)
app = server.streamable_http_app()
uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1, timeout_keep_alive=KEEP_ALIVE_S)).run(sockets=[listener])
