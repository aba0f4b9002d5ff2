// A workspace that version 1 of the storage wrote: its list is as it was, and sessions that open it can be ended.
import { env, evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { expect, test } from 'vitest';

const VERSION_1 = [
  'CREATE TABLE workspace (one INTEGER PRIMARY KEY CHECK (one = 1), schema INTEGER NOT NULL)',
  `CREATE TABLE project (
    created_at INTEGER NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (created_at, id)
  ) WITHOUT ROWID`,
  'INSERT INTO workspace (one, schema) VALUES (1, 1)',
  "INSERT INTO project VALUES (1700000000000, 'prj_1', 'Talks')",
];

test('a workspace of before keeps its list, and remembers from now on which sessions were ended', async () => {
  const workspace = env.WORKSPACE.getByName(`own_${crypto.randomUUID()}`);
  await runInDurableObject(workspace, (_actor, { storage: { sql } }) => {
    for (const statement of VERSION_1) sql.exec(statement);
  });
  await evictDurableObject(workspace);

  await workspace.endSession('ended', Date.now() + 1_000);

  expect(await workspace.projects(null, 10)).toEqual([
    { id: 'prj_1', name: 'Talks', createdAt: 1_700_000_000_000 },
  ]);
  expect(await workspace.hasEnded('ended')).toBe(true);
  expect(await workspace.hasEnded('another')).toBe(false);
});

test('asking about a session of an owner who has nothing yet stores nothing', async () => {
  const workspace = env.WORKSPACE.getByName(`own_${crypto.randomUUID()}`);

  expect(await workspace.hasEnded('a-session')).toBe(false);

  const tables = await runInDurableObject(workspace, (_actor, { storage: { sql } }) =>
    sql.exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'").toArray(),
  );
  expect(tables).toEqual([]);
});
