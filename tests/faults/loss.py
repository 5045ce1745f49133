"""What a device would have kept: reads the state that power_loss.c left, and takes the rest away."""
import os
import pathlib
import struct

FILES_MAX, RENAMES_MAX, NAME_BYTES, OPERATIONS, SECTOR_BYTES = 2048, 2048, 64, 6, 512
HEAD = struct.Struct(f"={OPERATIONS}QII3Q")
FILE = struct.Struct("=5Q")
RENAME = struct.Struct(f"={NAME_BYTES}s{NAME_BYTES}sQ")
STATE_BYTES = HEAD.size + FILES_MAX * FILE.size + RENAMES_MAX * RENAME.size


class DeviceState:
    """The state of one run of the gateway; the file is made empty here and filled by the library."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.path.write_bytes(bytes(STATE_BYTES))
        self.path.chmod(0o666)  # the worker may run as another user

    def read(self):
        data = self.path.read_bytes()
        head = HEAD.unpack_from(data)
        self.calls = dict(zip(("create", "write", "sync", "rename", "syncdir", "truncate"), head[:OPERATIONS]))
        overflow, file_count, rename_count, self.durable_renames = head[OPERATIONS + 1:]
        if overflow:
            raise RuntimeError("the run used more files than the library can watch")
        self.files = {}  # by inode; the newest file of an inode counts
        self.retried = 0
        for i in range(file_count):
            inode, durable, written, retried, _ = FILE.unpack_from(data, HEAD.size + i * FILE.size)
            self.files[inode] = (durable, written)
            self.retried += retried
        start = HEAD.size + FILES_MAX * FILE.size
        self.renames = []
        for i in range(rename_count):
            old, new, replaced = RENAME.unpack_from(data, start + i * RENAME.size)
            self.renames.append((old.rstrip(b"\0").decode(), new.rstrip(b"\0").decode(), bool(replaced)))
        return self

    def lose(self, folder, random):
        """Leave in the folder what was synced, and of the rest what chance keeps. Returns the bytes lost or torn."""
        self.read()
        folder = pathlib.Path(folder)
        # Memory goes with the machine.
        if (folder / "spool").exists():
            pathlib.Path("/dev/shm", (folder / "spool").read_text().lstrip("/")).unlink(missing_ok=True)
        # A file system keeps renames in their order, so those that survive are the first ones.
        kept = random.randint(self.durable_renames, len(self.renames))
        for i in reversed(range(kept, len(self.renames))):
            old, new, replaced = (folder / name if isinstance(name, str) else name for name in self.renames[i])
            replaced_file = folder / f"kept.{i + 1}"
            # The kill may have come between the note and the rename.
            was_done = not replaced_file.samefile(new) if replaced else new.exists()
            if was_done:
                os.rename(new, old)
                if replaced:
                    os.rename(replaced_file, new)
        for kept in folder.glob("kept.*"):
            kept.unlink()
        return sum(self.lose_bytes(folder / name, random) for name in sorted(os.listdir(folder)))

    def lose_bytes(self, path, random):
        durable, written = self.files.get(path.stat().st_ino, (0, 0))
        if written <= durable:
            return 0
        data = bytearray(path.read_bytes())
        whole = bytes(data[durable:written])
        way = random.choice(("all", "end", "sectors"))
        if way == "sectors":  # a device keeps them in any order
            first = durable // SECTOR_BYTES
            for sector in range(first, (written - 1) // SECTOR_BYTES + 1):
                if random.random() < 0.5:
                    start, end = max(durable, sector * SECTOR_BYTES), min(written, (sector + 1) * SECTOR_BYTES)
                    data[start:end] = bytes(end - start)
        else:
            start = durable if way == "all" else random.randint(durable, written)
            data[start:written] = bytes(written - start)
        lost = sum(old != new for old, new in zip(whole, data[durable:written]))
        # The size may be lost too; blocks that were given to the file and never written hold what was there before.
        if random.random() < 0.5:
            data = data[:random.randint(max(durable, len(data[:written].rstrip(b"\0"))), len(data))]
        if random.random() < 0.2:
            data += random.randbytes(random.randint(0, 1000))
        path.write_bytes(data)
        return lost
