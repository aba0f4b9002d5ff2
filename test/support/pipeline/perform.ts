// Plays a course: makes its reports come about one after another, sends them in the script's order, and does what the
// answers say. Knows no clock and no transport: those are the player's.
import { type Answer, afterAnswer } from './answers.ts';
import type { Course, Report, Script } from './script.ts';

/** `Sent` is a report with its id and time, in whatever form the player sends it. */
export interface Player<Sent> {
  /** Resolves when the report has come about. */
  comesAbout(report: Report): Promise<Sent>;
  /** Sends it, and again as long as `afterAnswer` says so; null when the player has given up. */
  send(sent: Sent): Promise<Answer | null>;
}

/** `stopped`: by the answer that was refused, or null when there was none. */
export type Ending = { end: Course['end'] } | { end: 'stopped'; by: Answer | null };

/** Rejects with what the player rejects with. */
export async function perform<Sent>(
  { reports, end }: Course,
  { swapsPairs }: Pick<Script, 'swapsPairs'>,
  player: Player<Sent>,
): Promise<Ending> {
  const held: Sent[] = [];
  for (const [index, report] of reports.entries()) {
    held.push(await player.comesAbout(report));
    const isLast = index === reports.length - 1 && end !== 'died';
    if (swapsPairs && held.length < 2 && !isLast) continue;
    const stop = await sendSwapped(held.splice(0), player);
    if (stop) return stop;
  }
  return { end };
}

/**
 * The second before the first. What came too early is sent again after the one that it overtook; and when neither follows
 * from what was applied, the next pair may: who swaps reports can't tell.
 */
async function sendSwapped<Sent>(made: readonly Sent[], player: Player<Sent>): Promise<Ending | null> {
  const queue = made.toReversed();
  for (const [index, sent] of queue.entries()) {
    const answer = await player.send(sent);
    const verdict = afterAnswer(answer);
    if (verdict === 'go-on' || verdict === 'drop') continue;
    if (verdict !== 'later' || made.length === 1) return { end: 'stopped', by: answer };
    if (index === 0) queue.push(sent);
  }
  return null;
}
