// The trace context (W3C Trace Context): what comes in goes on to the orchestrator; without one a new trace begins.

const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

export function traceparentOf(header: string | undefined): string {
  if (header !== undefined && TRACEPARENT.test(header)) return header;
  // A UUID is never all zeros, which neither id may be, and costs a fraction of writing random bytes as text.
  const random = () => crypto.randomUUID().replaceAll('-', '');
  return `00-${random()}-${random().slice(16)}-01`;
}
