// next_actions of a job with a finished draft: it can be made again, exported and corrected.
import { DRAFT_STATES } from './job-states.ts';
import { offersAreTrue } from './offers.ts';

offersAreTrue(DRAFT_STATES);
