// Lists that are read newest first: in pieces, since nobody knows how many are wanted, and several as one.
import type { Position } from '../domain/project.ts';

/** How many are read at once: few at first, since a page is short and there are many statuses; and each may be long. */
const FIRST_PIECE = 16;
const LARGEST_PIECE = 128;

/** Newest first, read in pieces as far as they are wanted. */
export function* inPieces<T extends Position>(
  start: Position,
  read: (after: Position, most: number) => T[],
): Generator<T, void> {
  let after = start;
  for (let most = FIRST_PIECE; ; most = Math.min(most * 2, LARGEST_PIECE)) {
    const piece = read(after, most);
    yield* piece;
    const last = piece.at(-1);
    if (last === undefined || piece.length < most) return;
    after = last;
  }
}

/** Lists that are each newest first, as one. */
export function* newestOf<T extends Position>(lists: Generator<T, void>[]): Generator<T, void> {
  const heads = lists.map((list) => ({ list, head: list.next() })).filter(({ head }) => !head.done);
  for (;;) {
    let newest: T | null = null;
    let from: (typeof heads)[number] | null = null;
    for (const one of heads) {
      const { value } = one.head;
      if (value && (newest === null || isAhead(value, newest))) [newest, from] = [value, one];
    }
    if (newest === null || from === null) return;
    yield newest;
    from.head = from.list.next();
  }
}

/** Whether the one comes before the other in a list. */
export const isAhead = (one: Position, other: Position): boolean =>
  one.createdAt === other.createdAt ? one.id > other.id : one.createdAt > other.createdAt;
