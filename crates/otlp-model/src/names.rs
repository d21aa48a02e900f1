//! Attribute names, as the backends read them.
//!
//! The OpenInference names are from its semantic conventions (commit `1fe497f`, 2026-08-21), the
//! `gen_ai.*` names from OpenTelemetry's GenAI conventions (2026). Both stand on the same spans:
//! neither Phoenix nor MLflow counts anything twice because of it.

#![expect(missing_docs, reason = "the names are their own documentation")]

pub const AGENT_NAME: &str = "agent.name";
pub const DEPLOYMENT_ENVIRONMENT_NAME: &str = "deployment.environment.name";
pub const ERROR_TYPE: &str = "error.type";
pub const EXCEPTION_MESSAGE: &str = "exception.message";
pub const EXCEPTION_TYPE: &str = "exception.type";
pub const HTTP_RESPONSE_STATUS_CODE: &str = "http.response.status_code";
pub const INPUT_MIME_TYPE: &str = "input.mime_type";
pub const INPUT_VALUE: &str = "input.value";
pub const LLM_COST_CACHE_READ: &str = "llm.cost.prompt_details.cache_read";
pub const LLM_COST_CACHE_WRITE: &str = "llm.cost.prompt_details.cache_write";
pub const LLM_COST_COMPLETION: &str = "llm.cost.completion";
pub const LLM_COST_INPUT: &str = "llm.cost.prompt_details.input";
pub const LLM_COST_OUTPUT: &str = "llm.cost.completion_details.output";
pub const LLM_COST_PROMPT: &str = "llm.cost.prompt";
pub const LLM_COST_TOTAL: &str = "llm.cost.total";
pub const LLM_INPUT_MESSAGES: &str = "llm.input_messages";
pub const LLM_INVOCATION_PARAMETERS: &str = "llm.invocation_parameters";
pub const LLM_MODEL_NAME: &str = "llm.model_name";
pub const LLM_OUTPUT_MESSAGES: &str = "llm.output_messages";
pub const LLM_PROVIDER: &str = "llm.provider";
pub const LLM_SYSTEM: &str = "llm.system";
pub const LLM_TOKEN_COUNT_CACHE_READ: &str = "llm.token_count.prompt_details.cache_read";
pub const LLM_TOKEN_COUNT_CACHE_WRITE: &str = "llm.token_count.prompt_details.cache_write";
pub const LLM_TOKEN_COUNT_COMPLETION: &str = "llm.token_count.completion";
pub const LLM_TOKEN_COUNT_PROMPT: &str = "llm.token_count.prompt";
pub const LLM_TOKEN_COUNT_REASONING: &str = "llm.token_count.completion_details.reasoning";
pub const LLM_TOKEN_COUNT_TOTAL: &str = "llm.token_count.total";
pub const METADATA: &str = "metadata";
pub const OPENINFERENCE_PROJECT_NAME: &str = "openinference.project.name";
pub const OPENINFERENCE_SPAN_KIND: &str = "openinference.span.kind";
pub const OUTPUT_MIME_TYPE: &str = "output.mime_type";
pub const OUTPUT_VALUE: &str = "output.value";
pub const SERVICE_NAME: &str = "service.name";
pub const SERVICE_VERSION: &str = "service.version";
pub const SESSION_ID: &str = "session.id";
pub const TAGS: &str = "tag.tags";
pub const TOOL_ID: &str = "tool.id";
pub const TOOL_NAME: &str = "tool.name";
pub const TOOL_PARAMETERS: &str = "tool.parameters";
pub const TRACE_NUMBER: &str = "trace.number";
pub const USER_ID: &str = "user.id";

pub const GEN_AI_AGENT_NAME: &str = "gen_ai.agent.name";
pub const GEN_AI_AGENT_VERSION: &str = "gen_ai.agent.version";
pub const GEN_AI_CONVERSATION_ID: &str = "gen_ai.conversation.id";
pub const GEN_AI_OPERATION_NAME: &str = "gen_ai.operation.name";
pub const GEN_AI_PROVIDER_NAME: &str = "gen_ai.provider.name";
pub const GEN_AI_REQUEST_MODEL: &str = "gen_ai.request.model";
pub const GEN_AI_RESPONSE_ID: &str = "gen_ai.response.id";
pub const GEN_AI_RESPONSE_MODEL: &str = "gen_ai.response.model";
/// Seconds.
pub const GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK: &str = "gen_ai.response.time_to_first_chunk";
pub const GEN_AI_TOKEN_MODALITY: &str = "gen_ai.token.modality";
pub const GEN_AI_TOKEN_TYPE: &str = "gen_ai.token.type";
pub const GEN_AI_TOOL_CALL_ID: &str = "gen_ai.tool.call.id";
pub const GEN_AI_TOOL_NAME: &str = "gen_ai.tool.name";
pub const GEN_AI_TOOL_TYPE: &str = "gen_ai.tool.type";
pub const GEN_AI_USAGE_CACHE_READ: &str = "gen_ai.usage.cache_read.input_tokens";
pub const GEN_AI_USAGE_CACHE_WRITE: &str = "gen_ai.usage.cache_write.input_tokens";
pub const GEN_AI_USAGE_INPUT: &str = "gen_ai.usage.input_tokens";
pub const GEN_AI_USAGE_OUTPUT: &str = "gen_ai.usage.output_tokens";
pub const GEN_AI_USAGE_REASONING: &str = "gen_ai.usage.reasoning.output_tokens";
