// Floor A: what a request costs on this runtime before anything is done for it.
import { Hono } from 'hono';

export default new Hono().get('/', (c) => c.json({ hello: 'world' }));
