// What does not pass through the gateway yet, and why: REVISION/SCENARIO. A scenario that is listed here and passes is
// an error, so the list can only shrink.
const QUESTIONS = 'a server may not ask a client anything yet';
const RESUMPTION = "a server's stream that breaks off before the answer is not resumed yet";
const SUBSCRIPTIONS = 'resources cannot be subscribed to yet';

const asking = (revision, ...scenarios) => Object.fromEntries(scenarios.map((scenario) => [`${revision}/${scenario}`, QUESTIONS]));

export const PENDING = {
  ...asking('2025-11-25', 'tools-call-sampling', 'tools-call-elicitation', 'elicitation-sep1034-defaults', 'elicitation-sep1330-enums'),
  ...asking(
    '2026-07-28', 'server-stateless', ...[
      'basic-elicitation', 'basic-sampling', 'basic-list-roots', 'request-state', 'multiple-input-requests', 'multi-round',
      'missing-input-response', 'non-tool-request', 'result-type', 'tampered-state', 'capability-check', 'ignore-extra-params',
    ].map((name) => `input-required-result-${name}`),
  ),
  '2025-11-25/server-sse-polling': RESUMPTION,
  '2025-11-25/resources-subscribe': SUBSCRIPTIONS,
  '2025-11-25/resources-unsubscribe': SUBSCRIPTIONS,
};
