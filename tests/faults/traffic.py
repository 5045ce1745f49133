"""Governed calls without pause, and the server behind, which remembers every call it saw.

A call is known by its tool and the length of its body: each client has tools of its own and never sends two bodies
of one length. So a record, which has both, can be told to belong to one call.
"""
import asyncio
import dataclasses
import json
import time

VERSION = "2026-07-28"
META = {"io.modelcontextprotocol/protocolVersion": VERSION,
        "io.modelcontextprotocol/clientInfo": {"name": "faults", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {}}
FORBIDDEN_EVERY = 7
ANSWER_S = 30
REFUSED_PAUSE_S = 0.01  # a refusal costs the gateway nothing; without a pause it would be all that happens


async def read_message(reader):
    """One HTTP message with Content-Length: its first line, its fields by lower-case name, its body."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    return first, fields, await reader.readexactly(int(fields.get("content-length", 0)))


class Upstream:
    """An MCP server; `seen` holds (tool, body length as the client sent it) of each call."""

    def __init__(self, clients):
        names = [f"{kind}_{n}" for n in range(clients) for kind in ("work", "forbidden")]
        schema = {"type": "object", "additionalProperties": True}
        self.tools = [{"name": name, "description": name, "inputSchema": schema} for name in names]
        self.seen = []

    async def start(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def serve(self, reader, writer):
        try:
            while True:
                *_, body = await read_message(reader)
                message = json.loads(body)
                answer = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
                if "id" in message:
                    text = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": self.result(message)})
                    answer = (f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                              f"Content-Length: {len(text)}\r\n\r\n{text}").encode()
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def result(self, message):
        if message["method"] == "tools/call":
            arguments = message["params"]["arguments"]
            self.seen.append((message["params"]["name"], arguments["bytes"]))
            return {"resultType": "complete", "content": [{"type": "text", "text": "done"}]}
        ends = {"resultType": "complete", "ttlMs": 3600000, "cacheScope": "private"}
        if message["method"] == "tools/list":
            return {"tools": self.tools, **ends}
        return {"supportedVersions": [VERSION], "capabilities": {"tools": {}}, **ends}


@dataclasses.dataclass
class Answer:
    tool: str
    bytes: int
    status: int
    message: dict

    def kind(self):
        if self.status == 200 and not self.message.get("result", {}).get("isError", False):
            return "ok" if "result" in self.message else "error"
        if self.status == 200:
            return "denied"
        return self.message.get("error", {}).get("data", {}).get("code", f"HTTP {self.status}")


class Client:
    """Sends one call after the other; `answers` is what came back over the whole life of the client."""

    def __init__(self, number):
        self.number, self.count, self.answers = number, 0, []

    def next_call(self):
        self.count += 1
        kind = "forbidden" if self.count % FORBIDDEN_EVERY == 0 else "work"
        tool = f"{kind}_{self.number}"
        # The fixed part is 500 bytes at most, whatever the numbers in it; the padding fills up to the length.
        size = 500 + self.count
        body = json.dumps({"jsonrpc": "2.0", "id": self.count, "method": "tools/call", "params": {
            "name": tool, "arguments": {"bytes": size, "pad": ""}, "_meta": META}})
        return tool, body.replace('"pad": ""', f'"pad": "{"x" * (size - len(body))}"')

    async def run(self, port, token, is_over):
        """Call until it is over or the gateway is killed, on a new connection when the gateway ends the old one."""
        try:
            while not is_over():
                await self.run_connection(port, token, is_over)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the gateway was killed

    async def run_connection(self, port, token, is_over):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            fields = {}
            while not is_over() and fields.get("connection") != "close":
                tool, body = self.next_call()
                writer.write((f"POST /servers/counting/mcp HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
                              f"Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"
                              f"MCP-Protocol-Version: {VERSION}\r\nMcp-Method: tools/call\r\nMcp-Name: {tool}\r\n"
                              f"Authorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n\r\n{body}").encode())
                first, fields, answer = await asyncio.wait_for(read_message(reader), ANSWER_S)
                self.answers.append(Answer(tool, len(body), int(first.split()[1]), json.loads(answer)))
                if self.answers[-1].kind() == "audit_unavailable":
                    await asyncio.sleep(REFUSED_PAUSE_S)
        finally:
            writer.close()


class Traffic:
    def __init__(self, upstream, count):
        self.upstream, self.clients = upstream, [Client(n) for n in range(count)]
        self.is_over = False

    def start(self, gateway):
        self.is_over = False
        self.tasks = [asyncio.create_task(client.run(gateway.port, gateway.token, lambda: self.is_over))
                      for client in self.clients]

    async def reach(self, count):
        """Wait until there are so many answers, or for so long that there will not be."""
        end = time.monotonic() + ANSWER_S
        while len(self.answers()) < count and time.monotonic() < end:
            await asyncio.sleep(0.01)

    async def end(self):
        """Let every client finish its call; those of a killed gateway are finished already."""
        self.is_over = True
        await asyncio.gather(*self.tasks)

    def answers(self):
        return [answer for client in self.clients for answer in client.answers]
