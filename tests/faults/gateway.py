"""One gateway with a state folder, run under power_loss.c, and the `aegis audit` commands on its journal."""
import asyncio
import json
import os
import pathlib
import signal
import subprocess
import time

from loss import DeviceState

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
AEGIS = ROOT / os.environ.get("AEGIS_BINARY", "build/dev/aegis")
READY_S, GONE_S = 20, 10

POLICY = """permit (principal in Aegis::Role::"Developers", action, resource);
@id("faults.forbidden")
forbid (principal, action in Aegis::Action::"tools/call", resource)
when { context.target like "counting.forbidden_*" };
"""


def descendants(pid):
    """The process and all below it, a supervisor's workers included."""
    found = [pid]
    for parent in found:
        try:
            for task in os.listdir(f"/proc/{parent}/task"):
                found += map(int, pathlib.Path(f"/proc/{parent}/task/{task}/children").read_text().split())
        except FileNotFoundError:
            pass  # ended meanwhile
    return found


def is_running(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Gateway:
    def __init__(self, folder, upstream_port, library, limits=None):
        self.folder = pathlib.Path(folder)
        self.state = self.folder / "state"
        self.journal = self.state / "audit"
        self.journal.mkdir(parents=True, mode=0o700)
        self.state.chmod(0o700)
        self.library = library
        self.runs = 0
        (self.folder / "policies").mkdir()
        (self.folder / "policies/faults.cedar").write_text(POLICY)
        config = {
            "version": 1, "listen": {"address": "127.0.0.1:0"}, "state_dir": str(self.state), "threads": 2,
            "policies": [str(self.folder / "policies")], "audit": {"mode": "strict"}, "limits": limits or {},
            "identity": [{"name": "development", "preset": "development", "roles": ["Developers"]}],
            "servers": [{"name": "counting", "url": f"http://127.0.0.1:{upstream_port}/mcp",
                         "revision": "2026-07-28", "trust": "internal"}]}
        self.config = self.folder / "aegis.yaml"
        self.config.write_text(json.dumps(config))  # JSON is YAML
        self.token = self.aegis("token", "mint", "--state", self.state, "--subject", "alice", "--role",
                                "Developers", "--audience", "aegis", "--ttl", "3600").stdout.strip()

    def aegis(self, *arguments):
        return subprocess.run([AEGIS, *map(str, arguments)], capture_output=True, text=True)

    async def start(self, rules=""):
        """Start it with these faults; False when it ended instead of listening."""
        self.runs += 1
        self.device = DeviceState(self.folder / f"device-{self.runs}")
        environment = {**os.environ, "LD_PRELOAD": str(self.library), "AEGIS_FAULTS": rules,
                       "AEGIS_FAULTS_INODE": str(self.journal.stat().st_ino), "AEGIS_FAULTS_STATE": str(self.device.path)}
        self.errors = open(self.folder / f"stderr-{self.runs}", "w+")
        self.process = await asyncio.create_subprocess_exec(
            AEGIS, "serve", "--config", self.config, env=environment, stdout=asyncio.subprocess.PIPE,
            stderr=self.errors, start_new_session=True)
        while line := await asyncio.wait_for(self.process.stdout.readline(), READY_S):
            if line.startswith(b"{"):
                self.port = int(json.loads(line)["listening"].rsplit(":", 1)[1].split("/")[0])
                return True
        await self.process.wait()
        return False

    async def get(self, path):
        """Status and body of what is answered to anybody."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: any\r\nConnection: close\r\n\r\n".encode())
            head, _, body = (await asyncio.wait_for(reader.read(), READY_S)).decode().partition("\r\n\r\n")
            return int(head.split()[1]), body
        finally:
            writer.close()

    async def kill(self):
        """kill -9 for every process of it, at once as far as that goes; a supervisor must not tell its worker first."""
        await self.kill_processes(list(reversed(descendants(self.process.pid))))
        await self.process.wait()

    async def kill_worker(self):
        """kill -9 for what the supervisor started; False when there is nothing of that kind."""
        workers = descendants(self.process.pid)[1:]
        await self.kill_processes(workers)
        return workers != []

    async def kill_processes(self, pids):
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        end = time.monotonic() + GONE_S
        while any(map(is_running, pids)):
            if time.monotonic() > end:
                raise RuntimeError("a killed gateway does not end")
            await asyncio.sleep(0.01)

    async def stop(self):
        self.process.terminate()
        return await asyncio.wait_for(self.process.wait(), READY_S)

    def printed(self):
        self.errors.flush()
        return pathlib.Path(self.errors.name).read_text()

    def verify(self, *options):
        answer = self.aegis("audit", "verify", "--dir", self.journal, "--output", "json", *options)
        if not answer.stdout:
            raise RuntimeError(f"audit verify says nothing: {answer.stderr}")
        report = json.loads(answer.stdout)
        if (answer.returncode == 0) != report["intact"]:
            raise RuntimeError(f"audit verify exits {answer.returncode} and says {report}")
        return report

    def records(self, command, *options):
        """All records by `aegis audit tail` or `search`. A torn end is an error of the command that we expect."""
        count = "--limit" if command == "search" else "-n"
        text = self.aegis("audit", command, "--dir", self.journal, "--output", "json", count, 100000, *options).stdout
        return [json.loads(line) for line in text.splitlines()]
