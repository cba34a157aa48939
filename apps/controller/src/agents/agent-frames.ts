/** Frame types of the channel 'agent' (60 to 79). */
export const AgentFrame = { request: 60, answer: 61, push: 62 } as const;
