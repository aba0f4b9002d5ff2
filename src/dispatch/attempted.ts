// What is counted of one attempt to deliver a message.
import type { Delivery } from '../contract/messages.ts';
import type { DeliveryOutcome } from '../domain/commands.ts';
import type { Point } from '../metrics.ts';

export const attempted = (delivery: Delivery, outcome: DeliveryOutcome['kind']): Point => ({
  event: 'delivery',
  job_id: delivery.jobId,
  message: delivery.type,
  model_profile: delivery.modelProfile,
  resume_from: delivery.resumeFromStatus,
  outcome,
});
