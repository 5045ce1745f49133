// What does not pass through the gateway, and why: REVISION/SCENARIO, with `client ` in front where the gateway is on the
// suite's other side. A scenario that is listed here and passes is an error, so that the list can only shrink.
const QUESTIONS = 'a server of a revision with a handshake may not ask a client anything yet';
const RESUMPTION = "a server's stream that breaks off before the answer is not resumed yet";
const SUBSCRIPTIONS = 'resources cannot be subscribed to yet';
// This one is meant to stay.
const NULLS = 'null where the schema wants another type is refused before any server sees it';

export const PENDING = {
  '2025-11-25/tools-call-sampling': QUESTIONS,
  '2025-11-25/tools-call-elicitation': QUESTIONS,
  '2025-11-25/elicitation-sep1034-defaults': QUESTIONS,
  '2025-11-25/elicitation-sep1330-enums': QUESTIONS,
  '2025-11-25/server-sse-polling': RESUMPTION,
  '2025-11-25/resources-subscribe': SUBSCRIPTIONS,
  '2025-11-25/resources-unsubscribe': SUBSCRIPTIONS,
  'client 2025-11-25/elicitation-sep1034-client-defaults': QUESTIONS,
  'client 2025-11-25/sse-retry': RESUMPTION,
  'client 2026-07-28/http-custom-headers': NULLS,
};
