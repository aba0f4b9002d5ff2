// What a pipeline does about the answer to a report: the table of spec/dispatch.md, "What the orchestrator reports".

export interface Answer {
  status: number;
  errorCode: string | null;
}

/**
 * `go-on`: it was taken. `again`: the same report once more. `later`: the same, after the report that it overtook; one
 * that overtook none is wrong. `drop`: go on without it. `stop`: the pipeline ends.
 */
export type Verdict = 'go-on' | 'again' | 'later' | 'drop' | 'stop';

/** Null stands for no answer. */
export function afterAnswer(answer: Answer | null): Verdict {
  if (answer === null || answer.status >= 500 || answer.status === 429) return 'again';
  if (answer.status >= 200 && answer.status < 300) return 'go-on';
  switch (answer.errorCode) {
    case 'CALLBACK_OUT_OF_ORDER':
      return 'drop';
    case 'FSM_TRANSITION_INVALID':
      return 'later';
    default:
      return 'stop';
  }
}
