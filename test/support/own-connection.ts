// A `fetch` that makes a connection for each request. The runtime closes one that nobody has used for five seconds, and after a pause
// of its own that long, on a busy machine, one whose next request has arrived: who reuses connections has to send again (RFC 9112,
// section 9.3.1), and whoever counts answers has to know that this was nobody's fault.
import { Agent, type RequestInit, type Response, fetch as send } from 'undici';

const dispatcher = new Agent({ pipelining: 0 });

/** As `fetch`. */
export const fetchAlone = (url: string, init: RequestInit = {}): Promise<Response> =>
  send(url, { ...init, dispatcher });
