// Ids of the right form that the service has not given out: for objects that a test addresses itself, since they take
// any name, and for callers who make ids up.

export function newId(prefix: 'job' | 'prj' | 'opr' | 'dsp'): string {
  const random = `${crypto.randomUUID()}${crypto.randomUUID()}`.replaceAll('-', '');
  return `${prefix}_${random.slice(0, prefix === 'dsp' ? 32 : 36)}`;
}
