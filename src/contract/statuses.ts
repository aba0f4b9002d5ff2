// The words of the life cycle, as schemas that others share.
import * as z from 'zod';
import { DISPATCH_STATES } from '../domain/dispatch.ts';
import { RESUME_STATUSES, STATUSES } from '../domain/lifecycle.ts';

export const jobStatus = z.enum(STATUSES).meta({ id: 'JobStatus' });
export const dispatchState = z.enum(DISPATCH_STATES).meta({ id: 'DispatchState' });
export const resumeStatus = z.enum(RESUME_STATUSES).meta({ id: 'ResumeStatus' });
