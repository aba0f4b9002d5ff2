// Planted bugs of the console: what it sends twice or for something else, what it loses of what was typed, and what it goes on showing.
import type { Mutant } from './mutants-suites.ts';

export const MUTANTS_OF_THE_CONSOLE: readonly Mutant[] = [
  {
    bug: 'a request whose answer was lost is sent under another id',
    within: 'requestId',
    from: 'kept?.what === what',
    to: 'kept !== null && what === ""',
    suite: 'consolePlan',
  },
  {
    bug: 'what has changed in a plan is not marked',
    within: 'changedTo',
    from: 'this.before.value = { plan: before, at: this.at.value };',
    to: '',
    suite: 'consolePlan',
  },
  {
    bug: 'a bulk retry is sent for however many jobs there are by then',
    within: 'body',
    from: 'expected: run.found,',
    to: '',
    suite: 'consoleBulk',
  },
  {
    bug: 'what became of the jobs of an operation is asked for once',
    from: 'this.#askSoon(before === null ? 0 : ITEMS_PAUSE_MS)',
    to: 'before === null && this.#askSoon(0)',
    suite: 'consoleBulk',
  },
  {
    bug: 'a filter by several statuses finds the first alone',
    within: 'toParams',
    from: "status.join(',')",
    to: "status.slice(0, 1).join(',')",
    suite: 'consoleBulk',
  },
  {
    bug: 'a text that is not saved is there for whoever signs in next',
    from: `\`\${personId}:\${jobId}:\${stage}\``,
    to: `\`\${jobId}:\${stage}\``,
    suite: 'consoleSession',
  },
  {
    bug: 'a text that is not saved is kept nowhere',
    from: 'this.isKept.value = keepUnsaved(this.key, isSame ? null : { text, corrects: this.corrects.value });',
    to: 'this.isKept.value = isSame || text !== "";',
    suite: 'consoleSession',
  },
  {
    bug: 'what is typed while a correction is being saved counts as saved',
    within: 'savedAs',
    from: 'this.write(this.text.value);',
    to: 'this.write(sent);',
    suite: 'consoleActs',
  },
  {
    bug: 'of two corrections the later one is saved over the earlier by itself',
    within: 'showNewer',
    from: 'this.newer.value =',
    to: 'this.corrects.value = number; $&',
    suite: 'consoleActs',
  },
  {
    bug: 'a connection from which nothing comes is never given up',
    within: 'ping',
    from: 'Date.now() - this.#heardAt > SILENCE_MS',
    to: 'this.#heardAt < 0',
    suite: 'consoleLive',
  },
  {
    bug: 'a new job moves the rows that are shown',
    from: 'waiting.set(summary.id, summary);',
    to: 'this.rows.value = [summary, ...rows];',
    suite: 'consoleLive',
  },
  {
    bug: 'a job that was erased stays selected',
    within: 'drop',
    from: 'this.select([jobId], false);',
    to: '',
    suite: 'consoleLive',
  },
  {
    bug: 'a page whose connection was ended with its session does not ask whether that goes on',
    from: 'if (code === ACCESS_ENDED) void this.#options.refresh();',
    to: '',
    suite: 'consoleLive',
  },
];
