// The words of the life cycle, as schemas that others share.
import * as z from 'zod';
import { DISPATCH_STATES } from '../domain/dispatch.ts';
import { EDITABLE_STAGES, RESUME_STATUSES, STAGE_NAMES, STATUSES } from '../domain/lifecycle.ts';

export const jobStatus = z.enum(STATUSES).meta({ id: 'JobStatus' });
export const dispatchState = z.enum(DISPATCH_STATES).meta({ id: 'DispatchState' });
export const stageName = z.enum(STAGE_NAMES);
/** Whose artifact a person can correct. */
export const editableStage = z.enum(EDITABLE_STAGES);
export const resumeStatus = z.enum(RESUME_STATUSES).meta({ id: 'ResumeStatus' });
