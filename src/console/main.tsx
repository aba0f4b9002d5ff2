// The console: which view an address leads to, and what surrounds every one of them.
import { render } from 'preact';
import { startClock } from './clock.ts';
import { Console } from './frame.tsx';
import { startKeys } from './keys.tsx';
import { startRouter } from './router.ts';
import { startSession } from './session.ts';

startRouter();
startSession();
startClock();
startKeys();

const root = document.getElementById('console');
if (root) render(<Console />, root);
