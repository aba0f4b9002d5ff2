// How a broken promise is said that is seen while it breaks. What is judged when all is over is the rules'.

/** Throws when it is not true. */
export function holds(promise: string, isTrue: boolean): void {
  if (!isTrue) throw new Error(`broken: ${promise}`);
}
