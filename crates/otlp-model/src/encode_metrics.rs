//! Metrics as OTLP.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Histogram, HistogramDataPoint, Metric as OtlpMetric, NumberDataPoint,
    ResourceMetrics, ScopeMetrics, Sum, metric, number_data_point,
};

use crate::encode::{Scope, key_values, resource, scope};
use crate::metrics::{Metric, MetricBatch, MetricKind, Point};

/// The OTLP export request for metrics, under the given instrumentation scope.
pub fn export_metrics_request(
    batch: &MetricBatch,
    scope_of: &Scope<'_>,
) -> ExportMetricsServiceRequest {
    let metrics = batch.metrics.iter().map(|metric| otlp_metric(metric, batch)).collect();
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(resource(&batch.resource)),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(scope(scope_of)),
                metrics,
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }],
    }
}

fn otlp_metric(metric: &Metric, batch: &MetricBatch) -> OtlpMetric {
    let aggregation_temporality = AggregationTemporality::Delta as i32;
    let data = match metric.kind {
        MetricKind::Histogram(bounds) => metric::Data::Histogram(Histogram {
            data_points: metric
                .points
                .iter()
                .map(|point| histogram(point, bounds, batch))
                .collect(),
            aggregation_temporality,
        }),
        MetricKind::Sum => metric::Data::Sum(Sum {
            data_points: metric.points.iter().map(|point| sum(point, batch)).collect(),
            aggregation_temporality,
            is_monotonic: true,
        }),
    };
    OtlpMetric {
        name: metric.name.clone().into_owned(),
        unit: metric.unit.to_owned(),
        data: Some(data),
        ..OtlpMetric::default()
    }
}

fn histogram(point: &Point, bounds: &[f64], batch: &MetricBatch) -> HistogramDataPoint {
    // A value that equals a bound lies below it.
    let mut bucket_counts = vec![0; bounds.len() + 1];
    for value in &point.values {
        bucket_counts[bounds.partition_point(|bound| bound < value)] += 1;
    }
    HistogramDataPoint {
        attributes: key_values(&point.attributes),
        start_time_unix_nano: batch.start.0,
        time_unix_nano: batch.end.0,
        count: point.values.len() as u64,
        sum: Some(point.values.iter().sum()),
        bucket_counts,
        explicit_bounds: bounds.to_vec(),
        min: point.values.iter().copied().reduce(f64::min),
        max: point.values.iter().copied().reduce(f64::max),
        ..HistogramDataPoint::default()
    }
}

fn sum(point: &Point, batch: &MetricBatch) -> NumberDataPoint {
    let sum = point.values.iter().sum();
    NumberDataPoint {
        attributes: key_values(&point.attributes),
        start_time_unix_nano: batch.start.0,
        time_unix_nano: batch.end.0,
        value: Some(number_data_point::Value::AsDouble(sum)),
        ..NumberDataPoint::default()
    }
}
