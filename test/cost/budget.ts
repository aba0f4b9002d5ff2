// Holds figures against their ceilings in budget.json: counts are exact, so that a ceiling is what was measured when it
// was last agreed to.

/** What was measured, or its ceilings: subject → figure → number. */
export type Figures = Record<string, Record<string, number>>;

/** What is wrong, in words; empty when every figure keeps its ceiling and every ceiling has its figure. */
export function overBudget(measured: Figures, ceilings: Figures): string[] {
  const faults: string[] = [];
  for (const [subject, figures] of Object.entries(measured)) {
    for (const [figure, value] of Object.entries(figures)) {
      const ceiling = ceilings[subject]?.[figure];
      if (ceiling === undefined) faults.push(`${subject}: ${figure} is ${value} and has no ceiling`);
      else if (value > ceiling)
        faults.push(`${subject}: ${figure} is ${value}, above its ceiling of ${ceiling}`);
    }
  }
  for (const [subject, figures] of Object.entries(ceilings)) {
    for (const figure of Object.keys(figures)) {
      if (measured[subject]?.[figure] === undefined)
        faults.push(`${subject}: ${figure} has a ceiling and no figure`);
    }
  }
  return faults;
}
