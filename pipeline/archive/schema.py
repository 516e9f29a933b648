"""The tables of the vault's file index."""

from __future__ import annotations

TABLES = (
    "DROP TABLE IF EXISTS files",
    "DROP TABLE IF EXISTS members",
    "DROP TABLE IF EXISTS voxels",
    "DROP TABLE IF EXISTS volumes",
    """CREATE TABLE files (
        file_id TEXT PRIMARY KEY, path BLOB NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
        location BLOB NOT NULL, format TEXT, series BLOB, instance BLOB, reason TEXT, header TEXT
    )""",
    """CREATE TABLE members (
        container TEXT, container_size INTEGER, container_mtime_ns INTEGER, file_id TEXT, path BLOB NOT NULL,
        size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, folder BLOB NOT NULL, location BLOB NOT NULL, reason TEXT,
        PRIMARY KEY (container, file_id)
    ) WITHOUT ROWID""",
    """CREATE TABLE voxels (
        file_id TEXT, size INTEGER, mtime_ns INTEGER, sha256 TEXT NOT NULL, PRIMARY KEY (file_id, size, mtime_ns)
    ) WITHOUT ROWID""",
    """CREATE TABLE volumes (
        volume_id TEXT, edition TEXT, entry TEXT NOT NULL, PRIMARY KEY (volume_id, edition)
    ) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS identities (
        pseudonym TEXT PRIMARY KEY, kind TEXT NOT NULL, value BLOB NOT NULL
    ) WITHOUT ROWID""",
    "CREATE TABLE IF NOT EXISTS sources (path BLOB PRIMARY KEY) WITHOUT ROWID",
)
"""What an index of another version becomes: empty, but for who is who and where archives are.

``files`` has rowids: its rows are longer than the quarter of a page beyond which a tree of keys spills them, each into
pages of its own (sqlite.org/withoutrowid.html, sqlite.org/fileformat2.html 1.6).
"""

FOUND = """
CREATE TEMP TABLE found (
    file_id TEXT PRIMARY KEY, path BLOB NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    folder BLOB NOT NULL, relative BLOB NOT NULL, location BLOB NOT NULL, reason TEXT
) WITHOUT ROWID;
CREATE INDEX temp.by_folder ON found (folder);
"""
"""What one scan met, in a table of its own connection."""
