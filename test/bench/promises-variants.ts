// Retake with one promise taken away each: what is planted in a copy of the sources before they are bundled, so that what the
// promise costs can be measured. None of it is to be run for anything else.
import type { Planted } from '../soak/mutants-planting.ts';

export interface Variant {
  name: string;
  /** What it does without. */
  without: string;
  plants: readonly Omit<Planted, 'bug'>[];
  /** Whether it is measured with jobs awake, with jobs that are woken, or with both. */
  measured: 'awake' | 'asleep' | 'both';
}

const PROMISES: readonly Variant[] = [
  {
    name: 'editors',
    without: 'an editor’s token and the ids in its paths are not verified',
    measured: 'awake',
    plants: [
      {
        from: `await verifyEditorToken(token, c.get('config').auth)`,
        to: `{ identity: { issuer: 'bench', claim: 'sub', value: 'bench' }, owner: 'own_bench', actorId: 'bench', actorName: null, scopes: null, endsAt: Number.MAX_SAFE_INTEGER }`,
      },
      {
        from: 'isSame(await signatureOf(unsigned, key), text.slice(unsigned.length))',
        to: '(true as boolean)',
      },
    ],
  },
  {
    name: 'callbacks',
    without: 'a callback’s token is not verified',
    measured: 'awake',
    plants: [{ from: 'await isMac(bytes, key, message(jobId, dispatchId))', to: '(true as boolean)' }],
  },
  {
    name: 'signatures',
    without: 'deliveries and the callback tokens in them are not signed',
    measured: 'awake',
    plants: [
      { from: '...(await signedHeaders(key, Date.now(), body, config.dispatchSigningSecrets))', to: '...{}' },
      {
        from: 'await signCallbackToken(jobId, dispatchId, config.callbackTokenKeys)',
        to: 'await Promise.resolve(["rtk1", dispatchId, "AAAA"].join("."))',
      },
    ],
  },
  {
    name: 'schemas',
    without: 'what requests and messages hold is not checked by a schema',
    measured: 'awake',
    plants: [
      {
        within: 'parse',
        from: 'schema.safeParse(value)',
        to: '{ data: value, error: undefined as z.ZodError | undefined }',
      },
      {
        within: 'consume',
        from: 'dispatchMessage.safeParse(message.body)',
        to: '{ success: true as boolean, data: message.body as DispatchMessage }',
      },
    ],
  },
  {
    name: 'digests',
    without: 'a callback has no digest: another payload under its id is not told from a repeat',
    measured: 'awake',
    plants: [{ from: 'await payloadDigest(sent)', to: `await Promise.resolve('')` }],
  },
  {
    name: 'evidence',
    without: 'a retry is not planned before the store of artifacts is asked what the plan needs',
    measured: 'awake',
    plants: [
      {
        within: 'withEvidence',
        from: `if (unproven.type === 'run') return unproven;`,
        to: '$& if (this.#env) return { ...unproven, evidence: NO_EVIDENCE } as Ask;',
      },
    ],
  },
  {
    name: 'assertions',
    without: 'a commit is not held against the invariants',
    measured: 'awake',
    plants: [{ from: 'brokenInvariant(before, after, changes)', to: '(null as string | null)' }],
  },
  {
    name: 'history',
    without: 'no reports, no audit trail, no table for them: a repeated callback is not known again',
    measured: 'both',
    plants: [
      { from: 'after.latestSeq = this.#history.add(changes, before.latestSeq);', to: '' },
      { from: 'seenEvent: this.#history.event(command.dispatchId, command.eventId)', to: 'seenEvent: null' },
      { from: 'JOB_SCHEMA.tables', to: `$&.replace(/;[^]*/, '')` },
    ],
  },
  {
    name: 'dispatches',
    without: 'no dispatch but the newest is kept',
    measured: 'awake',
    plants: [
      { from: 'after.earlier = this.#earlierOnes.add(followed, before.earlier);', to: '' },
      { from: '[changes.opened, after.newest]', to: '[changes.opened, null]' },
    ],
  },
  {
    name: 'records',
    without: 'records are stored as they are in memory: larger, and what older code stored is not understood',
    measured: 'both',
    plants: [
      {
        from: 'encode({ ...present, newest: newest && toStoredDispatch(newest), ...(previous ? { previous: toStoredDispatch(previous) } : {}) })',
        to: 'JSON.stringify({ ...present, newest, previous })',
      },
      {
        from: 'const { job, newest, previous, ...counts } = decode<StoredForm>(text);',
        to: `if (text !== '') return JSON.parse(text); $&`,
      },
      { from: 'encode(toStoredDispatch(dispatch))', to: 'JSON.stringify(dispatch)' },
      { from: 'dispatchOf(decode<StoredDispatch>(text))', to: 'JSON.parse(text)' },
    ],
  },
  {
    name: 'list',
    without: 'no list is told of a change of status',
    measured: 'awake',
    plants: [
      {
        from: 'return item === null || (this.#told !== null && this.#what.isAlike(item, this.#told));',
        to: 'return item === null || (true as boolean);',
      },
    ],
  },
  {
    name: 'openings',
    without: 'no list is told that a pipeline is asked for: only of what has moved the job',
    measured: 'awake',
    plants: [{ from: 'a.openKind === b.openKind &&', to: '' }],
  },
  {
    name: 'alarms',
    without: 'no alarm is set: a lost message and a silent pipeline are never found',
    measured: 'awake',
    plants: [{ from: 'this.#storage.setAlarm(at);', to: '' }],
  },
  {
    name: 'claims',
    without:
      'a message carries its delivery: what was withdrawn or cancelled meanwhile is delivered all the same',
    measured: 'awake',
    plants: [
      {
        from: 'env.DISPATCHES.send(message, pause)',
        to: `env.DISPATCHES.send({ ...message, claim: (this as unknown as { claim(id: string, kind: string): unknown })
          .claim(message.dispatch_id, message.kind) }, pause)`,
      },
      {
        from: 'await claimed(parsed.data, env)',
        to: 'await Promise.resolve((message.body as { claim: Claim }).claim)',
      },
    ],
  },
  {
    name: 'outcomes',
    without: 'no outcome of a delivery is stored: only a callback proves it',
    measured: 'awake',
    plants: [
      {
        from: 'await report(message, delivery, await deliver(delivery, requireConfig(env)), env);',
        to: 'await deliver(delivery, requireConfig(env));',
      },
    ],
  },
  {
    name: 'lines',
    without: 'no line of what went well is in the log',
    measured: 'awake',
    plants: [
      {
        from: 'const line = JSON.stringify({ level, event, at: new Date().toISOString(), ...fields });',
        to: `if (level === 'info') return; $&`,
      },
    ],
  },
  {
    name: 'headers',
    without: 'an answer has no security headers',
    measured: 'awake',
    plants: [{ from: 'for (const [name, value] of Object.entries(HEADERS)) c.header(name, value);', to: '' }],
  },
];

/** What waking alone is made of. When an alarm that nobody looked for stands: too late for anything that is set for a delivery. */
const KNOWN_ALARM = 'Date.now() + 400_000';
const WAKING: readonly Variant[] = [
  {
    name: 'tables',
    without: 'the table is read without a look whether it is there',
    measured: 'asleep',
    plants: [
      {
        within: 'markerRow',
        from: `const known = sql.exec(\`SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?\`, marker);
          if (known.next().done) return null;
          return sql.exec<MarkerRow>(\`SELECT * FROM \${marker}\`).one();`,
        to: `try { return sql.exec<MarkerRow>('SELECT * FROM ' + marker).one(); } catch { return null; }`,
      },
    ],
  },
  {
    name: 'alarm look-up',
    without: 'who wakes does not look whether its alarm stands',
    measured: 'asleep',
    plants: [{ from: 'this.#at = await this.#storage.getAlarm();', to: `this.#at = ${KNOWN_ALARM};` }],
  },
  {
    name: 'shown once',
    without: 'what is shown of a job is made by every read, awake too',
    measured: 'asleep',
    plants: [
      {
        from: 'this.#last?.job !== job || this.#last.open !== open',
        to: '$& || (true as boolean)',
      },
    ],
  },
  {
    name: 'empty actor',
    without: 'the same code, and a read that opens and reads nothing: every job answers as the first one did',
    measured: 'asleep',
    plants: [
      { from: 'ctx.blockConcurrencyWhile(() => this.effects.load());', to: '' },
      { from: '#at: number | null = null;', to: `#at: number | null = ${KNOWN_ALARM};` },
      { from: 'this.#found = bringUpToDate(storage, JOB_SCHEMA);', to: 'this.#found = null;' },
      {
        from: 'if (this.#found !== null) { this.#present = decodePresent(String(this.#found.record));',
        to: 'if (this.#present === null) this.#found = bringUpToDate(this.#storage, JOB_SCHEMA); $&',
      },
      {
        from: 'return this.#ifOwned(owner, (job) => this.#shown.of(job, this.store.open(job), this.config().rules));',
        to: `const first = globalThis as unknown as { shown?: ShownAnswer };
          first.shown ??= this.#ifOwned(owner, (job) => this.#shown.of(job, this.store.open(job), this.config().rules));
          return first.shown;`,
      },
    ],
  },
];

/** Promises away together: what is left is what the design costs beside them. */
const TOGETHER: readonly Variant[] = [
  {
    name: 'all of these',
    without: 'none of these promises is kept: the limit of W1 and W5',
    measured: 'awake',
    plants: PROMISES.flatMap(({ plants }) => plants),
  },
  {
    name: 'all but outcomes',
    without: 'none but that: a callback does not have to prove its delivery first, the limit of W3 and W3h',
    measured: 'both',
    plants: PROMISES.filter(({ name }) => name !== 'outcomes').flatMap(({ plants }) => plants),
  },
];

export const VARIANTS: readonly Variant[] = [...PROMISES, ...TOGETHER, ...WAKING];
