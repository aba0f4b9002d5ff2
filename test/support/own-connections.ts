// Has each `fetch` of this process make a connection of its own. The runtime closes one that nobody has used for five seconds, and
// after a pause of its own that long, on a busy machine, one whose next request has arrived: who reuses connections has to send
// again (RFC 9112, section 9.3.1), and whoever counts answers has to know that this was nobody's fault.
import { Agent, setGlobalDispatcher } from 'undici';

setGlobalDispatcher(new Agent({ pipelining: 0 }));
