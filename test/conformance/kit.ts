// Runs the checks, each on jobs of its own and so many at a time, and says how each ended. What is checked stands in
// checks/, how it is asked for and printed in main.ts.
import { CHECKS } from './checks.ts';
import { Finding } from './finding.ts';
import type { KitOptions } from './options.ts';
import { Receiver } from './receiver.ts';
import { Scene } from './scene.ts';

export interface Result {
  name: string;
  guarantee: string;
  /** Null when the check passed. */
  finding: Finding | null;
  warnings: readonly Finding[];
}

export type Judgement =
  /** Nothing at the URL takes dispatches, so that there is nothing to check. */
  | { kind: 'nothing-there'; finding: Finding }
  /** The results in the order of the checks, and the requests that belonged to no job. */
  | { kind: 'judged'; results: Result[]; strays: string[] };

export async function runKit(
  options: KitOptions,
  onResult: (result: Result) => void = () => {},
): Promise<Judgement> {
  const { receiver, baseUrl } = await Receiver.start(options.listen);
  const newScene = () => new Scene(options, receiver, options.callbackBaseUrl ?? baseUrl);
  const wanted = CHECKS.filter(
    ({ name, needs }) =>
      (options.only.length === 0 || options.only.includes(name)) &&
      (needs === undefined || !options.without.includes(needs)),
  );
  const results = new Map<string, Result>();
  const waiting = [...wanted];
  const work = async (): Promise<void> => {
    for (let check = waiting.shift(); check; check = waiting.shift()) {
      const { name, guarantee } = check;
      const scene = newScene();
      const finding = await check.run(scene).then(() => null, toFinding);
      const result = { name, guarantee, finding, warnings: scene.warnings };
      results.set(name, result);
      onResult(result);
      await scene.clear();
    }
  };
  try {
    const finding = await takesNothing(newScene());
    if (finding) return { kind: 'nothing-there', finding };
    await Promise.all(Array.from({ length: options.concurrency }, work));
  } finally {
    await receiver.close();
  }
  const inOrder = wanted.flatMap(({ name }) => results.get(name) ?? []);
  return { kind: 'judged', results: inOrder, strays: [...receiver.strays] };
}

/** What shows that not even an ordinary dispatch is taken; null when it is. */
async function takesNothing(scene: Scene): Promise<Finding | null> {
  const finding = await scene.dispatch(await scene.newJob().run()).then(() => null, toFinding);
  await scene.clear();
  return finding;
}

function toFinding(error: unknown): Finding {
  if (error instanceof Finding) return error;
  throw error;
}
