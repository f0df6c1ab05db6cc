// Made by scripts/kubernetes-fields.ts from the sources of Kubernetes: facts of its wire format, and nothing else.

/**
 * One message a line, `group/version.Message: NUMBER NAME TYPE; …`, names as in JSON. After the number: `^` inlined into
 * the message around it, `!` zero is written in JSON, too. Types: s string, y bytes, i int32, l int64, b bool, d double,
 * quantity, intstr, time, raw (an object in its own encoding), strings (a list), or a message; before it `*` repeated,
 * `%` a map from strings.
 */
export const protobufFields = `
admissionregistration.k8s.io/v1.MatchCondition: 1! name s; 2! expression s
admissionregistration.k8s.io/v1.MutatingWebhook: 1! name s; 2 clientConfig admissionregistration.k8s.io/v1.WebhookClientConfig; 3 rules *admissionregistration.k8s.io/v1.RuleWithOperations; 4! failurePolicy s; 5 namespaceSelector meta/v1.LabelSelector; 6! sideEffects s; 7! timeoutSeconds i; 8 admissionReviewVersions *s; 9! matchPolicy s; 10! reinvocationPolicy s; 11 objectSelector meta/v1.LabelSelector; 12 matchConditions *admissionregistration.k8s.io/v1.MatchCondition
admissionregistration.k8s.io/v1.MutatingWebhookConfiguration: 1 metadata meta/v1.ObjectMeta; 2 webhooks *admissionregistration.k8s.io/v1.MutatingWebhook
admissionregistration.k8s.io/v1.MutatingWebhookConfigurationList: 1 metadata meta/v1.ListMeta; 2 items *admissionregistration.k8s.io/v1.MutatingWebhookConfiguration
admissionregistration.k8s.io/v1.Rule: 1 apiGroups *s; 2 apiVersions *s; 3 resources *s; 4! scope s
admissionregistration.k8s.io/v1.RuleWithOperations: 1 operations *s; 2^ rule admissionregistration.k8s.io/v1.Rule
admissionregistration.k8s.io/v1.ServiceReference: 1! namespace s; 2! name s; 3! path s; 4! port i
admissionregistration.k8s.io/v1.ValidatingWebhook: 1! name s; 2 clientConfig admissionregistration.k8s.io/v1.WebhookClientConfig; 3 rules *admissionregistration.k8s.io/v1.RuleWithOperations; 4! failurePolicy s; 5 namespaceSelector meta/v1.LabelSelector; 6! sideEffects s; 7! timeoutSeconds i; 8 admissionReviewVersions *s; 9! matchPolicy s; 10 objectSelector meta/v1.LabelSelector; 11 matchConditions *admissionregistration.k8s.io/v1.MatchCondition
admissionregistration.k8s.io/v1.ValidatingWebhookConfiguration: 1 metadata meta/v1.ObjectMeta; 2 webhooks *admissionregistration.k8s.io/v1.ValidatingWebhook
admissionregistration.k8s.io/v1.ValidatingWebhookConfigurationList: 1 metadata meta/v1.ListMeta; 2 items *admissionregistration.k8s.io/v1.ValidatingWebhookConfiguration
admissionregistration.k8s.io/v1.WebhookClientConfig: 1 service admissionregistration.k8s.io/v1.ServiceReference; 2 caBundle y; 3! url s
admissionregistration.k8s.io/v1beta1.MutatingWebhook: 1! name s; 2 clientConfig admissionregistration.k8s.io/v1beta1.WebhookClientConfig; 3 rules *admissionregistration.k8s.io/v1beta1.RuleWithOperations; 4! failurePolicy s; 5 namespaceSelector meta/v1.LabelSelector; 6! sideEffects s; 7! timeoutSeconds i; 8 admissionReviewVersions *s; 9! matchPolicy s; 10! reinvocationPolicy s; 11 objectSelector meta/v1.LabelSelector
admissionregistration.k8s.io/v1beta1.MutatingWebhookConfiguration: 1 metadata meta/v1.ObjectMeta; 2 webhooks *admissionregistration.k8s.io/v1beta1.MutatingWebhook
admissionregistration.k8s.io/v1beta1.MutatingWebhookConfigurationList: 1 metadata meta/v1.ListMeta; 2 items *admissionregistration.k8s.io/v1beta1.MutatingWebhookConfiguration
admissionregistration.k8s.io/v1beta1.Rule: 1 apiGroups *s; 2 apiVersions *s; 3 resources *s; 4! scope s
admissionregistration.k8s.io/v1beta1.RuleWithOperations: 1 operations *s; 2^ rule admissionregistration.k8s.io/v1beta1.Rule
admissionregistration.k8s.io/v1beta1.ServiceReference: 1! namespace s; 2! name s; 3! path s; 4! port i
admissionregistration.k8s.io/v1beta1.ValidatingWebhook: 1! name s; 2 clientConfig admissionregistration.k8s.io/v1beta1.WebhookClientConfig; 3 rules *admissionregistration.k8s.io/v1beta1.RuleWithOperations; 4! failurePolicy s; 5 namespaceSelector meta/v1.LabelSelector; 6! sideEffects s; 7! timeoutSeconds i; 8 admissionReviewVersions *s; 9! matchPolicy s; 10 objectSelector meta/v1.LabelSelector
admissionregistration.k8s.io/v1beta1.ValidatingWebhookConfiguration: 1 metadata meta/v1.ObjectMeta; 2 webhooks *admissionregistration.k8s.io/v1beta1.ValidatingWebhook
admissionregistration.k8s.io/v1beta1.ValidatingWebhookConfigurationList: 1 metadata meta/v1.ListMeta; 2 items *admissionregistration.k8s.io/v1beta1.ValidatingWebhookConfiguration
admissionregistration.k8s.io/v1beta1.WebhookClientConfig: 1 service admissionregistration.k8s.io/v1beta1.ServiceReference; 2 caBundle y; 3! url s
apiregistration.k8s.io/v1.APIService: 1 metadata meta/v1.ObjectMeta; 2 spec apiregistration.k8s.io/v1.APIServiceSpec; 3 status apiregistration.k8s.io/v1.APIServiceStatus
apiregistration.k8s.io/v1.APIServiceCondition: 1! type s; 2! status s; 3 lastTransitionTime time; 4 reason s; 5 message s
apiregistration.k8s.io/v1.APIServiceList: 1 metadata meta/v1.ListMeta; 2 items *apiregistration.k8s.io/v1.APIService
apiregistration.k8s.io/v1.APIServiceSpec: 1 service apiregistration.k8s.io/v1.ServiceReference; 2 group s; 3 version s; 4 insecureSkipTLSVerify b; 5 caBundle y; 7! groupPriorityMinimum i; 8! versionPriority i
apiregistration.k8s.io/v1.APIServiceStatus: 1 conditions *apiregistration.k8s.io/v1.APIServiceCondition
apiregistration.k8s.io/v1.ServiceReference: 1 namespace s; 2 name s; 3! port i
apiregistration.k8s.io/v1beta1.APIService: 1 metadata meta/v1.ObjectMeta; 2 spec apiregistration.k8s.io/v1beta1.APIServiceSpec; 3 status apiregistration.k8s.io/v1beta1.APIServiceStatus
apiregistration.k8s.io/v1beta1.APIServiceCondition: 1! type s; 2! status s; 3 lastTransitionTime time; 4 reason s; 5 message s
apiregistration.k8s.io/v1beta1.APIServiceList: 1 metadata meta/v1.ListMeta; 2 items *apiregistration.k8s.io/v1beta1.APIService
apiregistration.k8s.io/v1beta1.APIServiceSpec: 1 service apiregistration.k8s.io/v1beta1.ServiceReference; 2 group s; 3 version s; 4 insecureSkipTLSVerify b; 5 caBundle y; 7! groupPriorityMinimum i; 8! versionPriority i
apiregistration.k8s.io/v1beta1.APIServiceStatus: 1 conditions *apiregistration.k8s.io/v1beta1.APIServiceCondition
apiregistration.k8s.io/v1beta1.ServiceReference: 1 namespace s; 2 name s; 3! port i
apps/v1.ControllerRevision: 1 metadata meta/v1.ObjectMeta; 2 data raw; 3! revision l
apps/v1.ControllerRevisionList: 1 metadata meta/v1.ListMeta; 2 items *apps/v1.ControllerRevision
apps/v1.DaemonSet: 1 metadata meta/v1.ObjectMeta; 2 spec apps/v1.DaemonSetSpec; 3 status apps/v1.DaemonSetStatus
apps/v1.DaemonSetCondition: 1! type s; 2! status s; 3 lastTransitionTime time; 4 reason s; 5 message s
apps/v1.DaemonSetList: 1 metadata meta/v1.ListMeta; 2 items *apps/v1.DaemonSet
apps/v1.DaemonSetSpec: 1 selector meta/v1.LabelSelector; 2 template core/v1.PodTemplateSpec; 3 updateStrategy apps/v1.DaemonSetUpdateStrategy; 4 minReadySeconds i; 6! revisionHistoryLimit i
apps/v1.DaemonSetStatus: 1! currentNumberScheduled i; 2! numberMisscheduled i; 3! desiredNumberScheduled i; 4! numberReady i; 5 observedGeneration l; 6 updatedNumberScheduled i; 7 numberAvailable i; 8 numberUnavailable i; 9! collisionCount i; 10 conditions *apps/v1.DaemonSetCondition
apps/v1.DaemonSetUpdateStrategy: 1 type s; 2 rollingUpdate apps/v1.RollingUpdateDaemonSet
apps/v1.Deployment: 1 metadata meta/v1.ObjectMeta; 2 spec apps/v1.DeploymentSpec; 3 status apps/v1.DeploymentStatus
apps/v1.DeploymentCondition: 1! type s; 2! status s; 4 reason s; 5 message s; 6 lastUpdateTime time; 7 lastTransitionTime time
apps/v1.DeploymentList: 1 metadata meta/v1.ListMeta; 2 items *apps/v1.Deployment
apps/v1.DeploymentSpec: 1! replicas i; 2 selector meta/v1.LabelSelector; 3 template core/v1.PodTemplateSpec; 4 strategy apps/v1.DeploymentStrategy; 5 minReadySeconds i; 6! revisionHistoryLimit i; 7 paused b; 9! progressDeadlineSeconds i
apps/v1.DeploymentStatus: 1 observedGeneration l; 2 replicas i; 3 updatedReplicas i; 4 availableReplicas i; 5 unavailableReplicas i; 6 conditions *apps/v1.DeploymentCondition; 7 readyReplicas i; 8! collisionCount i; 9! terminatingReplicas i
apps/v1.DeploymentStrategy: 1 type s; 2 rollingUpdate apps/v1.RollingUpdateDeployment
apps/v1.ReplicaSet: 1 metadata meta/v1.ObjectMeta; 2 spec apps/v1.ReplicaSetSpec; 3 status apps/v1.ReplicaSetStatus
apps/v1.ReplicaSetCondition: 1! type s; 2! status s; 3 lastTransitionTime time; 4 reason s; 5 message s
apps/v1.ReplicaSetList: 1 metadata meta/v1.ListMeta; 2 items *apps/v1.ReplicaSet
apps/v1.ReplicaSetSpec: 1! replicas i; 2 selector meta/v1.LabelSelector; 3 template core/v1.PodTemplateSpec; 4 minReadySeconds i
apps/v1.ReplicaSetStatus: 1! replicas i; 2 fullyLabeledReplicas i; 3 observedGeneration l; 4 readyReplicas i; 5 availableReplicas i; 6 conditions *apps/v1.ReplicaSetCondition; 7! terminatingReplicas i
apps/v1.RollingUpdateDaemonSet: 1 maxUnavailable intstr; 2 maxSurge intstr
apps/v1.RollingUpdateDeployment: 1 maxUnavailable intstr; 2 maxSurge intstr
apps/v1.RollingUpdateStatefulSetStrategy: 1! partition i; 2 maxUnavailable intstr
apps/v1.StatefulSet: 1 metadata meta/v1.ObjectMeta; 2 spec apps/v1.StatefulSetSpec; 3 status apps/v1.StatefulSetStatus
apps/v1.StatefulSetCondition: 1! type s; 2! status s; 3 lastTransitionTime time; 4 reason s; 5 message s
apps/v1.StatefulSetList: 1 metadata meta/v1.ListMeta; 2 items *apps/v1.StatefulSet
apps/v1.StatefulSetOrdinals: 1! start i
apps/v1.StatefulSetPersistentVolumeClaimRetentionPolicy: 1 whenDeleted s; 2 whenScaled s
apps/v1.StatefulSetSpec: 1! replicas i; 2 selector meta/v1.LabelSelector; 3 template core/v1.PodTemplateSpec; 4 volumeClaimTemplates *core/v1.PersistentVolumeClaim; 5! serviceName s; 6 podManagementPolicy s; 7 updateStrategy apps/v1.StatefulSetUpdateStrategy; 8! revisionHistoryLimit i; 9 minReadySeconds i; 10 persistentVolumeClaimRetentionPolicy apps/v1.StatefulSetPersistentVolumeClaimRetentionPolicy; 11 ordinals apps/v1.StatefulSetOrdinals
apps/v1.StatefulSetStatus: 1 observedGeneration l; 2! replicas i; 3 readyReplicas i; 4 currentReplicas i; 5 updatedReplicas i; 6 currentRevision s; 7 updateRevision s; 9! collisionCount i; 10 conditions *apps/v1.StatefulSetCondition; 11 availableReplicas i
apps/v1.StatefulSetUpdateStrategy: 1 type s; 2 rollingUpdate apps/v1.RollingUpdateStatefulSetStrategy
apps/v1beta1.ControllerRevision: 1 metadata meta/v1.ObjectMeta; 2 data raw; 3! revision l
apps/v1beta1.ControllerRevisionList: 1 metadata meta/v1.ListMeta; 2 items *apps/v1beta1.ControllerRevision
apps/v1beta1.Deployment: 1 metadata meta/v1.ObjectMeta; 2 spec apps/v1beta1.DeploymentSpec; 3 status apps/v1beta1.DeploymentStatus
apps/v1beta1.DeploymentCondition: 1! type s; 2! status s; 4 reason s; 5 message s; 6 lastUpdateTime time; 7 lastTransitionTime time
apps/v1beta1.DeploymentList: 1 metadata meta/v1.ListMeta; 2 items *apps/v1beta1.Deployment
apps/v1beta1.DeploymentRollback: 1! name s; 2 updatedAnnotations %s; 3 rollbackTo apps/v1beta1.RollbackConfig
apps/v1beta1.DeploymentSpec: 1! replicas i; 2 selector meta/v1.LabelSelector; 3 template core/v1.PodTemplateSpec; 4 strategy apps/v1beta1.DeploymentStrategy; 5 minReadySeconds i; 6! revisionHistoryLimit i; 7 paused b; 8 rollbackTo apps/v1beta1.RollbackConfig; 9! progressDeadlineSeconds i
apps/v1beta1.DeploymentStatus: 1 observedGeneration l; 2 replicas i; 3 updatedReplicas i; 4 availableReplicas i; 5 unavailableReplicas i; 6 conditions *apps/v1beta1.DeploymentCondition; 7 readyReplicas i; 8! collisionCount i
apps/v1beta1.DeploymentStrategy: 1 type s; 2 rollingUpdate apps/v1beta1.RollingUpdateDeployment
apps/v1beta1.RollbackConfig: 1 revision l
apps/v1beta1.RollingUpdateDeployment: 1 maxUnavailable intstr; 2 maxSurge intstr
apps/v1beta1.RollingUpdateStatefulSetStrategy: 1! partition i
apps/v1beta1.Scale: 1 metadata meta/v1.ObjectMeta; 2 spec apps/v1beta1.ScaleSpec; 3 status apps/v1beta1.ScaleStatus
apps/v1beta1.ScaleSpec: 1 replicas i
apps/v1beta1.ScaleStatus: 1! replicas i; 2 selector %s; 3 targetSelector s
apps/v1beta1.StatefulSet: 1 metadata meta/v1.ObjectMeta; 2 spec apps/v1beta1.StatefulSetSpec; 3 status apps/v1beta1.StatefulSetStatus
apps/v1beta1.StatefulSetCondition: 1! type s; 2! status s; 3 lastTransitionTime time; 4 reason s; 5 message s
apps/v1beta1.StatefulSetList: 1 metadata meta/v1.ListMeta; 2 items *apps/v1beta1.StatefulSet
apps/v1beta1.StatefulSetSpec: 1! replicas i; 2 selector meta/v1.LabelSelector; 3 template core/v1.PodTemplateSpec; 4 volumeClaimTemplates *core/v1.PersistentVolumeClaim; 5! serviceName s; 6 podManagementPolicy s; 7 updateStrategy apps/v1beta1.StatefulSetUpdateStrategy; 8! revisionHistoryLimit i
apps/v1beta1.StatefulSetStatus: 1! observedGeneration l; 2! replicas i; 3 readyReplicas i; 4 currentReplicas i; 5 updatedReplicas i; 6 currentRevision s; 7 updateRevision s; 9! collisionCount i; 10 conditions *apps/v1beta1.StatefulSetCondition
apps/v1beta1.StatefulSetUpdateStrategy: 1 type s; 2 rollingUpdate apps/v1beta1.RollingUpdateStatefulSetStrategy
apps/v1beta2.ControllerRevision: 1 metadata meta/v1.ObjectMeta; 2 data raw; 3! revision l
apps/v1beta2.ControllerRevisionList: 1 metadata meta/v1.ListMeta; 2 items *apps/v1beta2.ControllerRevision
apps/v1beta2.DaemonSet: 1 metadata meta/v1.ObjectMeta; 2 spec apps/v1beta2.DaemonSetSpec; 3 status apps/v1beta2.DaemonSetStatus
apps/v1beta2.DaemonSetCondition: 1! type s; 2! status s; 3 lastTransitionTime time; 4 reason s; 5 message s
apps/v1beta2.DaemonSetList: 1 metadata meta/v1.ListMeta; 2 items *apps/v1beta2.DaemonSet
apps/v1beta2.DaemonSetSpec: 1 selector meta/v1.LabelSelector; 2 template core/v1.PodTemplateSpec; 3 updateStrategy apps/v1beta2.DaemonSetUpdateStrategy; 4 minReadySeconds i; 6! revisionHistoryLimit i
apps/v1beta2.DaemonSetStatus: 1! currentNumberScheduled i; 2! numberMisscheduled i; 3! desiredNumberScheduled i; 4! numberReady i; 5 observedGeneration l; 6 updatedNumberScheduled i; 7 numberAvailable i; 8 numberUnavailable i; 9! collisionCount i; 10 conditions *apps/v1beta2.DaemonSetCondition
apps/v1beta2.DaemonSetUpdateStrategy: 1 type s; 2 rollingUpdate apps/v1beta2.RollingUpdateDaemonSet
apps/v1beta2.Deployment: 1 metadata meta/v1.ObjectMeta; 2 spec apps/v1beta2.DeploymentSpec; 3 status apps/v1beta2.DeploymentStatus
apps/v1beta2.DeploymentCondition: 1! type s; 2! status s; 4 reason s; 5 message s; 6 lastUpdateTime time; 7 lastTransitionTime time
apps/v1beta2.DeploymentList: 1 metadata meta/v1.ListMeta; 2 items *apps/v1beta2.Deployment
apps/v1beta2.DeploymentSpec: 1! replicas i; 2 selector meta/v1.LabelSelector; 3 template core/v1.PodTemplateSpec; 4 strategy apps/v1beta2.DeploymentStrategy; 5 minReadySeconds i; 6! revisionHistoryLimit i; 7 paused b; 9! progressDeadlineSeconds i
apps/v1beta2.DeploymentStatus: 1 observedGeneration l; 2 replicas i; 3 updatedReplicas i; 4 availableReplicas i; 5 unavailableReplicas i; 6 conditions *apps/v1beta2.DeploymentCondition; 7 readyReplicas i; 8! collisionCount i
apps/v1beta2.DeploymentStrategy: 1 type s; 2 rollingUpdate apps/v1beta2.RollingUpdateDeployment
apps/v1beta2.ReplicaSet: 1 metadata meta/v1.ObjectMeta; 2 spec apps/v1beta2.ReplicaSetSpec; 3 status apps/v1beta2.ReplicaSetStatus
apps/v1beta2.ReplicaSetCondition: 1! type s; 2! status s; 3 lastTransitionTime time; 4 reason s; 5 message s
apps/v1beta2.ReplicaSetList: 1 metadata meta/v1.ListMeta; 2 items *apps/v1beta2.ReplicaSet
apps/v1beta2.ReplicaSetSpec: 1! replicas i; 2 selector meta/v1.LabelSelector; 3 template core/v1.PodTemplateSpec; 4 minReadySeconds i
apps/v1beta2.ReplicaSetStatus: 1! replicas i; 2 fullyLabeledReplicas i; 3 observedGeneration l; 4 readyReplicas i; 5 availableReplicas i; 6 conditions *apps/v1beta2.ReplicaSetCondition
apps/v1beta2.RollingUpdateDaemonSet: 1 maxUnavailable intstr
apps/v1beta2.RollingUpdateDeployment: 1 maxUnavailable intstr; 2 maxSurge intstr
apps/v1beta2.RollingUpdateStatefulSetStrategy: 1! partition i
apps/v1beta2.Scale: 1 metadata meta/v1.ObjectMeta; 2 spec apps/v1beta2.ScaleSpec; 3 status apps/v1beta2.ScaleStatus
apps/v1beta2.ScaleSpec: 1 replicas i
apps/v1beta2.ScaleStatus: 1! replicas i; 2 selector %s; 3 targetSelector s
apps/v1beta2.StatefulSet: 1 metadata meta/v1.ObjectMeta; 2 spec apps/v1beta2.StatefulSetSpec; 3 status apps/v1beta2.StatefulSetStatus
apps/v1beta2.StatefulSetCondition: 1! type s; 2! status s; 3 lastTransitionTime time; 4 reason s; 5 message s
apps/v1beta2.StatefulSetList: 1 metadata meta/v1.ListMeta; 2 items *apps/v1beta2.StatefulSet
apps/v1beta2.StatefulSetSpec: 1! replicas i; 2 selector meta/v1.LabelSelector; 3 template core/v1.PodTemplateSpec; 4 volumeClaimTemplates *core/v1.PersistentVolumeClaim; 5! serviceName s; 6 podManagementPolicy s; 7 updateStrategy apps/v1beta2.StatefulSetUpdateStrategy; 8! revisionHistoryLimit i
apps/v1beta2.StatefulSetStatus: 1 observedGeneration l; 2! replicas i; 3 readyReplicas i; 4 currentReplicas i; 5 updatedReplicas i; 6 currentRevision s; 7 updateRevision s; 9! collisionCount i; 10 conditions *apps/v1beta2.StatefulSetCondition
apps/v1beta2.StatefulSetUpdateStrategy: 1 type s; 2 rollingUpdate apps/v1beta2.RollingUpdateStatefulSetStrategy
authentication.k8s.io/v1.BoundObjectReference: 1 kind s; 2 apiVersion s; 3 name s; 4 uid s
authentication.k8s.io/v1.TokenRequest: 1 metadata meta/v1.ObjectMeta; 2 spec authentication.k8s.io/v1.TokenRequestSpec; 3 status authentication.k8s.io/v1.TokenRequestStatus
authentication.k8s.io/v1.TokenRequestSpec: 1 audiences *s; 3 boundObjectRef authentication.k8s.io/v1.BoundObjectReference; 4! expirationSeconds l
authentication.k8s.io/v1.TokenRequestStatus: 1! token s; 2 expirationTimestamp time
authentication.k8s.io/v1.TokenReview: 1 metadata meta/v1.ObjectMeta; 2 spec authentication.k8s.io/v1.TokenReviewSpec; 3 status authentication.k8s.io/v1.TokenReviewStatus
authentication.k8s.io/v1.TokenReviewSpec: 1 token s; 2 audiences *s
authentication.k8s.io/v1.TokenReviewStatus: 1 authenticated b; 2 user authentication.k8s.io/v1.UserInfo; 3 error s; 4 audiences *s
authentication.k8s.io/v1.UserInfo: 1 username s; 2 uid s; 3 groups *s; 4 extra %strings
authentication.k8s.io/v1beta1.TokenReview: 1 metadata meta/v1.ObjectMeta; 2 spec authentication.k8s.io/v1beta1.TokenReviewSpec; 3 status authentication.k8s.io/v1beta1.TokenReviewStatus
authentication.k8s.io/v1beta1.TokenReviewSpec: 1 token s; 2 audiences *s
authentication.k8s.io/v1beta1.TokenReviewStatus: 1 authenticated b; 2 user authentication.k8s.io/v1beta1.UserInfo; 3 error s; 4 audiences *s
authentication.k8s.io/v1beta1.UserInfo: 1 username s; 2 uid s; 3 groups *s; 4 extra %strings
authorization.k8s.io/v1.FieldSelectorAttributes: 1 rawSelector s; 2 requirements *authorization.k8s.io/v1.FieldSelectorRequirement
authorization.k8s.io/v1.FieldSelectorRequirement: 1! key s; 2! operator s; 3 values *s
authorization.k8s.io/v1.LabelSelectorAttributes: 1 rawSelector s; 2 requirements *meta/v1.LabelSelectorRequirement
authorization.k8s.io/v1.LocalSubjectAccessReview: 1 metadata meta/v1.ObjectMeta; 2 spec authorization.k8s.io/v1.SubjectAccessReviewSpec; 3 status authorization.k8s.io/v1.SubjectAccessReviewStatus
authorization.k8s.io/v1.NonResourceAttributes: 1 path s; 2 verb s
authorization.k8s.io/v1.NonResourceRule: 1 verbs *s; 2 nonResourceURLs *s
authorization.k8s.io/v1.ResourceAttributes: 1 namespace s; 2 verb s; 3 group s; 4 version s; 5 resource s; 6 subresource s; 7 name s; 8 fieldSelector authorization.k8s.io/v1.FieldSelectorAttributes; 9 labelSelector authorization.k8s.io/v1.LabelSelectorAttributes
authorization.k8s.io/v1.ResourceRule: 1 verbs *s; 2 apiGroups *s; 3 resources *s; 4 resourceNames *s
authorization.k8s.io/v1.SelfSubjectAccessReview: 1 metadata meta/v1.ObjectMeta; 2 spec authorization.k8s.io/v1.SelfSubjectAccessReviewSpec; 3 status authorization.k8s.io/v1.SubjectAccessReviewStatus
authorization.k8s.io/v1.SelfSubjectAccessReviewSpec: 1 resourceAttributes authorization.k8s.io/v1.ResourceAttributes; 2 nonResourceAttributes authorization.k8s.io/v1.NonResourceAttributes
authorization.k8s.io/v1.SelfSubjectRulesReview: 1 metadata meta/v1.ObjectMeta; 2 spec authorization.k8s.io/v1.SelfSubjectRulesReviewSpec; 3 status authorization.k8s.io/v1.SubjectRulesReviewStatus
authorization.k8s.io/v1.SelfSubjectRulesReviewSpec: 1 namespace s
authorization.k8s.io/v1.SubjectAccessReview: 1 metadata meta/v1.ObjectMeta; 2 spec authorization.k8s.io/v1.SubjectAccessReviewSpec; 3 status authorization.k8s.io/v1.SubjectAccessReviewStatus
authorization.k8s.io/v1.SubjectAccessReviewSpec: 1 resourceAttributes authorization.k8s.io/v1.ResourceAttributes; 2 nonResourceAttributes authorization.k8s.io/v1.NonResourceAttributes; 3 user s; 4 groups *s; 5 extra %strings; 6 uid s
authorization.k8s.io/v1.SubjectAccessReviewStatus: 1! allowed b; 2 reason s; 3 evaluationError s; 4 denied b
authorization.k8s.io/v1.SubjectRulesReviewStatus: 1 resourceRules *authorization.k8s.io/v1.ResourceRule; 2 nonResourceRules *authorization.k8s.io/v1.NonResourceRule; 3! incomplete b; 4 evaluationError s
authorization.k8s.io/v1beta1.LocalSubjectAccessReview: 1 metadata meta/v1.ObjectMeta; 2 spec authorization.k8s.io/v1beta1.SubjectAccessReviewSpec; 3 status authorization.k8s.io/v1beta1.SubjectAccessReviewStatus
authorization.k8s.io/v1beta1.NonResourceAttributes: 1 path s; 2 verb s
authorization.k8s.io/v1beta1.NonResourceRule: 1 verbs *s; 2 nonResourceURLs *s
authorization.k8s.io/v1beta1.ResourceAttributes: 1 namespace s; 2 verb s; 3 group s; 4 version s; 5 resource s; 6 subresource s; 7 name s
authorization.k8s.io/v1beta1.ResourceRule: 1 verbs *s; 2 apiGroups *s; 3 resources *s; 4 resourceNames *s
authorization.k8s.io/v1beta1.SelfSubjectAccessReview: 1 metadata meta/v1.ObjectMeta; 2 spec authorization.k8s.io/v1beta1.SelfSubjectAccessReviewSpec; 3 status authorization.k8s.io/v1beta1.SubjectAccessReviewStatus
authorization.k8s.io/v1beta1.SelfSubjectAccessReviewSpec: 1 resourceAttributes authorization.k8s.io/v1beta1.ResourceAttributes; 2 nonResourceAttributes authorization.k8s.io/v1beta1.NonResourceAttributes
authorization.k8s.io/v1beta1.SelfSubjectRulesReview: 1 metadata meta/v1.ObjectMeta; 2 spec authorization.k8s.io/v1beta1.SelfSubjectRulesReviewSpec; 3 status authorization.k8s.io/v1beta1.SubjectRulesReviewStatus
authorization.k8s.io/v1beta1.SelfSubjectRulesReviewSpec: 1 namespace s
authorization.k8s.io/v1beta1.SubjectAccessReview: 1 metadata meta/v1.ObjectMeta; 2 spec authorization.k8s.io/v1beta1.SubjectAccessReviewSpec; 3 status authorization.k8s.io/v1beta1.SubjectAccessReviewStatus
authorization.k8s.io/v1beta1.SubjectAccessReviewSpec: 1 resourceAttributes authorization.k8s.io/v1beta1.ResourceAttributes; 2 nonResourceAttributes authorization.k8s.io/v1beta1.NonResourceAttributes; 3 user s; 4 group *s; 5 extra %strings; 6 uid s
authorization.k8s.io/v1beta1.SubjectAccessReviewStatus: 1! allowed b; 2 reason s; 3 evaluationError s; 4 denied b
authorization.k8s.io/v1beta1.SubjectRulesReviewStatus: 1 resourceRules *authorization.k8s.io/v1beta1.ResourceRule; 2 nonResourceRules *authorization.k8s.io/v1beta1.NonResourceRule; 3! incomplete b; 4 evaluationError s
autoscaling/v1.CrossVersionObjectReference: 1! kind s; 2! name s; 3 apiVersion s
autoscaling/v1.HorizontalPodAutoscaler: 1 metadata meta/v1.ObjectMeta; 2 spec autoscaling/v1.HorizontalPodAutoscalerSpec; 3 status autoscaling/v1.HorizontalPodAutoscalerStatus
autoscaling/v1.HorizontalPodAutoscalerList: 1 metadata meta/v1.ListMeta; 2 items *autoscaling/v1.HorizontalPodAutoscaler
autoscaling/v1.HorizontalPodAutoscalerSpec: 1 scaleTargetRef autoscaling/v1.CrossVersionObjectReference; 2! minReplicas i; 3! maxReplicas i; 4! targetCPUUtilizationPercentage i
autoscaling/v1.HorizontalPodAutoscalerStatus: 1! observedGeneration l; 2 lastScaleTime time; 3! currentReplicas i; 4! desiredReplicas i; 5! currentCPUUtilizationPercentage i
autoscaling/v1.Scale: 1 metadata meta/v1.ObjectMeta; 2 spec autoscaling/v1.ScaleSpec; 3 status autoscaling/v1.ScaleStatus
autoscaling/v1.ScaleSpec: 1 replicas i
autoscaling/v1.ScaleStatus: 1! replicas i; 2 selector s
batch/v1.CronJob: 1 metadata meta/v1.ObjectMeta; 2 spec batch/v1.CronJobSpec; 3 status batch/v1.CronJobStatus
batch/v1.CronJobList: 1 metadata meta/v1.ListMeta; 2 items *batch/v1.CronJob
batch/v1.CronJobSpec: 1! schedule s; 2! startingDeadlineSeconds l; 3 concurrencyPolicy s; 4! suspend b; 5 jobTemplate batch/v1.JobTemplateSpec; 6! successfulJobsHistoryLimit i; 7! failedJobsHistoryLimit i; 8! timeZone s
batch/v1.CronJobStatus: 1 active *core/v1.ObjectReference; 4 lastScheduleTime time; 5 lastSuccessfulTime time
batch/v1.Job: 1 metadata meta/v1.ObjectMeta; 2 spec batch/v1.JobSpec; 3 status batch/v1.JobStatus
batch/v1.JobCondition: 1! type s; 2! status s; 3 lastProbeTime time; 4 lastTransitionTime time; 5 reason s; 6 message s
batch/v1.JobList: 1 metadata meta/v1.ListMeta; 2 items *batch/v1.Job
batch/v1.JobSpec: 1! parallelism i; 2! completions i; 3! activeDeadlineSeconds l; 4 selector meta/v1.LabelSelector; 5! manualSelector b; 6 template core/v1.PodTemplateSpec; 7! backoffLimit i; 8! ttlSecondsAfterFinished i; 9! completionMode s; 10! suspend b; 11 podFailurePolicy batch/v1.PodFailurePolicy; 12! backoffLimitPerIndex i; 13! maxFailedIndexes i; 14! podReplacementPolicy s; 15! managedBy s; 16 successPolicy batch/v1.SuccessPolicy
batch/v1.JobStatus: 1 conditions *batch/v1.JobCondition; 2 startTime time; 3 completionTime time; 4 active i; 5 succeeded i; 6 failed i; 7 completedIndexes s; 8 uncountedTerminatedPods batch/v1.UncountedTerminatedPods; 9! ready i; 10! failedIndexes s; 11! terminating i
batch/v1.JobTemplateSpec: 1 metadata meta/v1.ObjectMeta; 2 spec batch/v1.JobSpec
batch/v1.PodFailurePolicy: 1 rules *batch/v1.PodFailurePolicyRule
batch/v1.PodFailurePolicyOnExitCodesRequirement: 1! containerName s; 2! operator s; 3 values *i
batch/v1.PodFailurePolicyOnPodConditionsPattern: 1! type s; 2! status s
batch/v1.PodFailurePolicyRule: 1! action s; 2 onExitCodes batch/v1.PodFailurePolicyOnExitCodesRequirement; 3 onPodConditions *batch/v1.PodFailurePolicyOnPodConditionsPattern
batch/v1.SuccessPolicy: 1 rules *batch/v1.SuccessPolicyRule
batch/v1.SuccessPolicyRule: 1! succeededIndexes s; 2! succeededCount i
batch/v1.UncountedTerminatedPods: 1 succeeded *s; 2 failed *s
batch/v1beta1.CronJob: 1 metadata meta/v1.ObjectMeta; 2 spec batch/v1beta1.CronJobSpec; 3 status batch/v1beta1.CronJobStatus
batch/v1beta1.CronJobList: 1 metadata meta/v1.ListMeta; 2 items *batch/v1beta1.CronJob
batch/v1beta1.CronJobSpec: 1! schedule s; 2! startingDeadlineSeconds l; 3 concurrencyPolicy s; 4! suspend b; 5 jobTemplate batch/v1beta1.JobTemplateSpec; 6! successfulJobsHistoryLimit i; 7! failedJobsHistoryLimit i
batch/v1beta1.CronJobStatus: 1 active *core/v1.ObjectReference; 4 lastScheduleTime time
batch/v1beta1.JobTemplate: 1 metadata meta/v1.ObjectMeta; 2 template batch/v1beta1.JobTemplateSpec
batch/v1beta1.JobTemplateSpec: 1 metadata meta/v1.ObjectMeta; 2 spec batch/v1.JobSpec
batch/v2alpha1.CronJob: 1 metadata meta/v1.ObjectMeta; 2 spec batch/v2alpha1.CronJobSpec; 3 status batch/v2alpha1.CronJobStatus
batch/v2alpha1.CronJobList: 1 metadata meta/v1.ListMeta; 2 items *batch/v2alpha1.CronJob
batch/v2alpha1.CronJobSpec: 1! schedule s; 2! startingDeadlineSeconds l; 3 concurrencyPolicy s; 4! suspend b; 5 jobTemplate batch/v2alpha1.JobTemplateSpec; 6! successfulJobsHistoryLimit i; 7! failedJobsHistoryLimit i
batch/v2alpha1.CronJobStatus: 1 active *core/v1.ObjectReference; 4 lastScheduleTime time
batch/v2alpha1.JobTemplate: 1 metadata meta/v1.ObjectMeta; 2 template batch/v2alpha1.JobTemplateSpec
batch/v2alpha1.JobTemplateSpec: 1 metadata meta/v1.ObjectMeta; 2 spec batch/v1.JobSpec
certificates.k8s.io/v1.CertificateSigningRequest: 1 metadata meta/v1.ObjectMeta; 2 spec certificates.k8s.io/v1.CertificateSigningRequestSpec; 3 status certificates.k8s.io/v1.CertificateSigningRequestStatus
certificates.k8s.io/v1.CertificateSigningRequestCondition: 1! type s; 2 reason s; 3 message s; 4 lastUpdateTime time; 5 lastTransitionTime time; 6! status s
certificates.k8s.io/v1.CertificateSigningRequestList: 1 metadata meta/v1.ListMeta; 2 items *certificates.k8s.io/v1.CertificateSigningRequest
certificates.k8s.io/v1.CertificateSigningRequestSpec: 1! request y; 2 username s; 3 uid s; 4 groups *s; 5 usages *s; 6 extra %strings; 7! signerName s; 8! expirationSeconds i
certificates.k8s.io/v1.CertificateSigningRequestStatus: 1 conditions *certificates.k8s.io/v1.CertificateSigningRequestCondition; 2 certificate y
certificates.k8s.io/v1beta1.CertificateSigningRequest: 1 metadata meta/v1.ObjectMeta; 2 spec certificates.k8s.io/v1beta1.CertificateSigningRequestSpec; 3 status certificates.k8s.io/v1beta1.CertificateSigningRequestStatus
certificates.k8s.io/v1beta1.CertificateSigningRequestCondition: 1! type s; 2 reason s; 3 message s; 4 lastUpdateTime time; 5 lastTransitionTime time; 6! status s
certificates.k8s.io/v1beta1.CertificateSigningRequestList: 1 metadata meta/v1.ListMeta; 2 items *certificates.k8s.io/v1beta1.CertificateSigningRequest
certificates.k8s.io/v1beta1.CertificateSigningRequestSpec: 1! request y; 2 username s; 3 uid s; 4 groups *s; 5 usages *s; 6 extra %strings; 7! signerName s
certificates.k8s.io/v1beta1.CertificateSigningRequestStatus: 1 conditions *certificates.k8s.io/v1beta1.CertificateSigningRequestCondition; 2 certificate y
coordination.k8s.io/v1.Lease: 1 metadata meta/v1.ObjectMeta; 2 spec coordination.k8s.io/v1.LeaseSpec
coordination.k8s.io/v1.LeaseList: 1 metadata meta/v1.ListMeta; 2 items *coordination.k8s.io/v1.Lease
coordination.k8s.io/v1.LeaseSpec: 1! holderIdentity s; 2! leaseDurationSeconds i; 3 acquireTime time; 4 renewTime time; 5! leaseTransitions i; 6! strategy s; 7! preferredHolder s
coordination.k8s.io/v1beta1.Lease: 1 metadata meta/v1.ObjectMeta; 2 spec coordination.k8s.io/v1beta1.LeaseSpec
coordination.k8s.io/v1beta1.LeaseList: 1 metadata meta/v1.ListMeta; 2 items *coordination.k8s.io/v1beta1.Lease
coordination.k8s.io/v1beta1.LeaseSpec: 1! holderIdentity s; 2! leaseDurationSeconds i; 3 acquireTime time; 4 renewTime time; 5! leaseTransitions i
core/v1.AWSElasticBlockStoreVolumeSource: 1! volumeID s; 2 fsType s; 3 partition i; 4 readOnly b
core/v1.Affinity: 1 nodeAffinity core/v1.NodeAffinity; 2 podAffinity core/v1.PodAffinity; 3 podAntiAffinity core/v1.PodAntiAffinity
core/v1.AppArmorProfile: 1! type s; 2! localhostProfile s
core/v1.AttachedVolume: 1! name s; 2! devicePath s
core/v1.AzureDiskVolumeSource: 1! diskName s; 2! diskURI s; 3! cachingMode s; 4! fsType s; 5! readOnly b; 6! kind s
core/v1.AzureFilePersistentVolumeSource: 1! secretName s; 2! shareName s; 3 readOnly b; 4! secretNamespace s
core/v1.AzureFileVolumeSource: 1! secretName s; 2! shareName s; 3 readOnly b
core/v1.Binding: 1 metadata meta/v1.ObjectMeta; 2 target core/v1.ObjectReference
core/v1.CSIPersistentVolumeSource: 1! driver s; 2! volumeHandle s; 3 readOnly b; 4 fsType s; 5 volumeAttributes %s; 6 controllerPublishSecretRef core/v1.SecretReference; 7 nodeStageSecretRef core/v1.SecretReference; 8 nodePublishSecretRef core/v1.SecretReference; 9 controllerExpandSecretRef core/v1.SecretReference; 10 nodeExpandSecretRef core/v1.SecretReference
core/v1.CSIVolumeSource: 1! driver s; 2! readOnly b; 3! fsType s; 4 volumeAttributes %s; 5 nodePublishSecretRef core/v1.LocalObjectReference
core/v1.Capabilities: 1 add *s; 2 drop *s
core/v1.CephFSPersistentVolumeSource: 1 monitors *s; 2 path s; 3 user s; 4 secretFile s; 5 secretRef core/v1.SecretReference; 6 readOnly b
core/v1.CephFSVolumeSource: 1 monitors *s; 2 path s; 3 user s; 4 secretFile s; 5 secretRef core/v1.LocalObjectReference; 6 readOnly b
core/v1.CinderPersistentVolumeSource: 1! volumeID s; 2 fsType s; 3 readOnly b; 4 secretRef core/v1.SecretReference
core/v1.CinderVolumeSource: 1! volumeID s; 2 fsType s; 3 readOnly b; 4 secretRef core/v1.LocalObjectReference
core/v1.ClientIPConfig: 1! timeoutSeconds i
core/v1.ClusterTrustBundleProjection: 1! name s; 2! signerName s; 3 labelSelector meta/v1.LabelSelector; 4! path s; 5! optional b
core/v1.ComponentCondition: 1! type s; 2! status s; 3 message s; 4 error s
core/v1.ComponentStatus: 1 metadata meta/v1.ObjectMeta; 2 conditions *core/v1.ComponentCondition
core/v1.ComponentStatusList: 1 metadata meta/v1.ListMeta; 2 items *core/v1.ComponentStatus
core/v1.ConfigMap: 1 metadata meta/v1.ObjectMeta; 2 data %s; 3 binaryData %y; 4! immutable b
core/v1.ConfigMapEnvSource: 1^ localObjectReference core/v1.LocalObjectReference; 2! optional b
core/v1.ConfigMapKeySelector: 1^ localObjectReference core/v1.LocalObjectReference; 2! key s; 3! optional b
core/v1.ConfigMapList: 1 metadata meta/v1.ListMeta; 2 items *core/v1.ConfigMap
core/v1.ConfigMapNodeConfigSource: 1! namespace s; 2! name s; 3 uid s; 4 resourceVersion s; 5! kubeletConfigKey s
core/v1.ConfigMapProjection: 1^ localObjectReference core/v1.LocalObjectReference; 2 items *core/v1.KeyToPath; 4! optional b
core/v1.ConfigMapVolumeSource: 1^ localObjectReference core/v1.LocalObjectReference; 2 items *core/v1.KeyToPath; 3! defaultMode i; 4! optional b
core/v1.Container: 1! name s; 2 image s; 3 command *s; 4 args *s; 5 workingDir s; 6 ports *core/v1.ContainerPort; 7 env *core/v1.EnvVar; 8 resources core/v1.ResourceRequirements; 9 volumeMounts *core/v1.VolumeMount; 10 livenessProbe core/v1.Probe; 11 readinessProbe core/v1.Probe; 12 lifecycle core/v1.Lifecycle; 13 terminationMessagePath s; 14 imagePullPolicy s; 15 securityContext core/v1.SecurityContext; 16 stdin b; 17 stdinOnce b; 18 tty b; 19 envFrom *core/v1.EnvFromSource; 20 terminationMessagePolicy s; 21 volumeDevices *core/v1.VolumeDevice; 22 startupProbe core/v1.Probe; 23 resizePolicy *core/v1.ContainerResizePolicy; 24! restartPolicy s; 25 restartPolicyRules *core/v1.ContainerRestartRule
core/v1.ContainerExtendedResourceRequest: 1! containerName s; 2! resourceName s; 3! requestName s
core/v1.ContainerImage: 1 names *s; 2 sizeBytes l
core/v1.ContainerPort: 1 name s; 2 hostPort i; 3! containerPort i; 4 protocol s; 5 hostIP s
core/v1.ContainerResizePolicy: 1! resourceName s; 2! restartPolicy s
core/v1.ContainerRestartRule: 1 action s; 2 exitCodes core/v1.ContainerRestartRuleOnExitCodes
core/v1.ContainerRestartRuleOnExitCodes: 1! operator s; 2 values *i
core/v1.ContainerState: 1 waiting core/v1.ContainerStateWaiting; 2 running core/v1.ContainerStateRunning; 3 terminated core/v1.ContainerStateTerminated
core/v1.ContainerStateRunning: 1 startedAt time
core/v1.ContainerStateTerminated: 1! exitCode i; 2 signal i; 3 reason s; 4 message s; 5 startedAt time; 6 finishedAt time; 7 containerID s
core/v1.ContainerStateWaiting: 1 reason s; 2 message s
core/v1.ContainerStatus: 1! name s; 2 state core/v1.ContainerState; 3 lastState core/v1.ContainerState; 4! ready b; 5! restartCount i; 6! image s; 7! imageID s; 8 containerID s; 9! started b; 10 allocatedResources %quantity; 11 resources core/v1.ResourceRequirements; 12 volumeMounts *core/v1.VolumeMountStatus; 13 user core/v1.ContainerUser; 14 allocatedResourcesStatus *core/v1.ResourceStatus; 15! stopSignal s
core/v1.ContainerUser: 1 linux core/v1.LinuxContainerUser
core/v1.DaemonEndpoint: 1! Port i
core/v1.DownwardAPIProjection: 1 items *core/v1.DownwardAPIVolumeFile
core/v1.DownwardAPIVolumeFile: 1! path s; 2 fieldRef core/v1.ObjectFieldSelector; 3 resourceFieldRef core/v1.ResourceFieldSelector; 4! mode i
core/v1.DownwardAPIVolumeSource: 1 items *core/v1.DownwardAPIVolumeFile; 2! defaultMode i
core/v1.EmptyDirVolumeSource: 1 medium s; 2 sizeLimit quantity
core/v1.EndpointAddress: 1! ip s; 2 targetRef core/v1.ObjectReference; 3 hostname s; 4! nodeName s
core/v1.EndpointPort: 1 name s; 2! port i; 3 protocol s; 4! appProtocol s
core/v1.EndpointSubset: 1 addresses *core/v1.EndpointAddress; 2 notReadyAddresses *core/v1.EndpointAddress; 3 ports *core/v1.EndpointPort
core/v1.Endpoints: 1 metadata meta/v1.ObjectMeta; 2 subsets *core/v1.EndpointSubset
core/v1.EndpointsList: 1 metadata meta/v1.ListMeta; 2 items *core/v1.Endpoints
core/v1.EnvFromSource: 1 prefix s; 2 configMapRef core/v1.ConfigMapEnvSource; 3 secretRef core/v1.SecretEnvSource
core/v1.EnvVar: 1! name s; 2 value s; 3 valueFrom core/v1.EnvVarSource
core/v1.EnvVarSource: 1 fieldRef core/v1.ObjectFieldSelector; 2 resourceFieldRef core/v1.ResourceFieldSelector; 3 configMapKeyRef core/v1.ConfigMapKeySelector; 4 secretKeyRef core/v1.SecretKeySelector; 5 fileKeyRef core/v1.FileKeySelector
core/v1.EphemeralContainer: 1^ ephemeralContainerCommon core/v1.EphemeralContainerCommon; 2 targetContainerName s
core/v1.EphemeralContainerCommon: 1! name s; 2 image s; 3 command *s; 4 args *s; 5 workingDir s; 6 ports *core/v1.ContainerPort; 7 env *core/v1.EnvVar; 8 resources core/v1.ResourceRequirements; 9 volumeMounts *core/v1.VolumeMount; 10 livenessProbe core/v1.Probe; 11 readinessProbe core/v1.Probe; 12 lifecycle core/v1.Lifecycle; 13 terminationMessagePath s; 14 imagePullPolicy s; 15 securityContext core/v1.SecurityContext; 16 stdin b; 17 stdinOnce b; 18 tty b; 19 envFrom *core/v1.EnvFromSource; 20 terminationMessagePolicy s; 21 volumeDevices *core/v1.VolumeDevice; 22 startupProbe core/v1.Probe; 23 resizePolicy *core/v1.ContainerResizePolicy; 24! restartPolicy s; 25 restartPolicyRules *core/v1.ContainerRestartRule
core/v1.EphemeralContainers: 1 metadata meta/v1.ObjectMeta; 2 ephemeralContainers *core/v1.EphemeralContainer
core/v1.EphemeralVolumeSource: 1 volumeClaimTemplate core/v1.PersistentVolumeClaimTemplate; 2 readOnly b
core/v1.Event: 1 metadata meta/v1.ObjectMeta; 2 involvedObject core/v1.ObjectReference; 3 reason s; 4 message s; 5 source core/v1.EventSource; 6 firstTimestamp time; 7 lastTimestamp time; 8 count i; 9 type s; 10 eventTime time; 11 series core/v1.EventSeries; 12 action s; 13 related core/v1.ObjectReference; 14! reportingComponent s; 15! reportingInstance s
core/v1.EventList: 1 metadata meta/v1.ListMeta; 2 items *core/v1.Event
core/v1.EventSeries: 1 count i; 2 lastObservedTime time
core/v1.EventSource: 1 component s; 2 host s
core/v1.ExecAction: 1 command *s
core/v1.FCVolumeSource: 1 targetWWNs *s; 2! lun i; 3 fsType s; 4 readOnly b; 5 wwids *s
core/v1.FileKeySelector: 1! volumeName s; 2! path s; 3! key s; 4! optional b
core/v1.FlexPersistentVolumeSource: 1! driver s; 2 fsType s; 3 secretRef core/v1.SecretReference; 4 readOnly b; 5 options %s
core/v1.FlexVolumeSource: 1! driver s; 2 fsType s; 3 secretRef core/v1.LocalObjectReference; 4 readOnly b; 5 options %s
core/v1.FlockerVolumeSource: 1 datasetName s; 2 datasetUUID s
core/v1.GCEPersistentDiskVolumeSource: 1! pdName s; 2 fsType s; 3 partition i; 4 readOnly b
core/v1.GRPCAction: 1! port i; 2! service s
core/v1.GitRepoVolumeSource: 1! repository s; 2 revision s; 3 directory s
core/v1.GlusterfsPersistentVolumeSource: 1! endpoints s; 2! path s; 3 readOnly b; 4! endpointsNamespace s
core/v1.GlusterfsVolumeSource: 1! endpoints s; 2! path s; 3 readOnly b
core/v1.HTTPGetAction: 1 path s; 2 port intstr; 3 host s; 4 scheme s; 5 httpHeaders *core/v1.HTTPHeader
core/v1.HTTPHeader: 1! name s; 2! value s
core/v1.HostAlias: 1 ip s; 2 hostnames *s
core/v1.HostIP: 1! ip s
core/v1.HostPathVolumeSource: 1! path s; 2! type s
core/v1.ISCSIPersistentVolumeSource: 1! targetPortal s; 2! iqn s; 3! lun i; 4 iscsiInterface s; 5 fsType s; 6 readOnly b; 7 portals *s; 8 chapAuthDiscovery b; 10 secretRef core/v1.SecretReference; 11 chapAuthSession b; 12! initiatorName s
core/v1.ISCSIVolumeSource: 1! targetPortal s; 2! iqn s; 3! lun i; 4 iscsiInterface s; 5 fsType s; 6 readOnly b; 7 portals *s; 8 chapAuthDiscovery b; 10 secretRef core/v1.LocalObjectReference; 11 chapAuthSession b; 12! initiatorName s
core/v1.ImageVolumeSource: 1 reference s; 2 pullPolicy s
core/v1.ImageVolumeStatus: 1! imageRef s
core/v1.KeyToPath: 1! key s; 2! path s; 3! mode i
core/v1.Lifecycle: 1 postStart core/v1.LifecycleHandler; 2 preStop core/v1.LifecycleHandler; 3! stopSignal s
core/v1.LifecycleHandler: 1 exec core/v1.ExecAction; 2 httpGet core/v1.HTTPGetAction; 3 tcpSocket core/v1.TCPSocketAction; 4 sleep core/v1.SleepAction
core/v1.LimitRange: 1 metadata meta/v1.ObjectMeta; 2 spec core/v1.LimitRangeSpec
core/v1.LimitRangeItem: 1! type s; 2 max %quantity; 3 min %quantity; 4 default %quantity; 5 defaultRequest %quantity; 6 maxLimitRequestRatio %quantity
core/v1.LimitRangeList: 1 metadata meta/v1.ListMeta; 2 items *core/v1.LimitRange
core/v1.LimitRangeSpec: 1 limits *core/v1.LimitRangeItem
core/v1.LinuxContainerUser: 1! uid l; 2! gid l; 3 supplementalGroups *l
core/v1.List: 1 metadata meta/v1.ListMeta; 2 items *raw
core/v1.LoadBalancerIngress: 1 ip s; 2 hostname s; 3! ipMode s; 4 ports *core/v1.PortStatus
core/v1.LoadBalancerStatus: 1 ingress *core/v1.LoadBalancerIngress
core/v1.LocalObjectReference: 1 name s
core/v1.LocalVolumeSource: 1! path s; 2! fsType s
core/v1.ModifyVolumeStatus: 1 targetVolumeAttributesClassName s; 2! status s
core/v1.NFSVolumeSource: 1! server s; 2! path s; 3 readOnly b
core/v1.Namespace: 1 metadata meta/v1.ObjectMeta; 2 spec core/v1.NamespaceSpec; 3 status core/v1.NamespaceStatus
core/v1.NamespaceCondition: 1! type s; 2! status s; 4 lastTransitionTime time; 5 reason s; 6 message s
core/v1.NamespaceList: 1 metadata meta/v1.ListMeta; 2 items *core/v1.Namespace
core/v1.NamespaceSpec: 1 finalizers *s
core/v1.NamespaceStatus: 1 phase s; 2 conditions *core/v1.NamespaceCondition
core/v1.Node: 1 metadata meta/v1.ObjectMeta; 2 spec core/v1.NodeSpec; 3 status core/v1.NodeStatus
core/v1.NodeAddress: 1! type s; 2! address s
core/v1.NodeAffinity: 1 requiredDuringSchedulingIgnoredDuringExecution core/v1.NodeSelector; 2 preferredDuringSchedulingIgnoredDuringExecution *core/v1.PreferredSchedulingTerm
core/v1.NodeCondition: 1! type s; 2! status s; 3 lastHeartbeatTime time; 4 lastTransitionTime time; 5 reason s; 6 message s
core/v1.NodeConfigSource: 2 configMap core/v1.ConfigMapNodeConfigSource
core/v1.NodeConfigStatus: 1 assigned core/v1.NodeConfigSource; 2 active core/v1.NodeConfigSource; 3 lastKnownGood core/v1.NodeConfigSource; 4 error s
core/v1.NodeDaemonEndpoints: 1 kubeletEndpoint core/v1.DaemonEndpoint
core/v1.NodeFeatures: 1! supplementalGroupsPolicy b; 2! containerUlimits b
core/v1.NodeList: 1 metadata meta/v1.ListMeta; 2 items *core/v1.Node
core/v1.NodeRuntimeHandler: 1! name s; 2 features core/v1.NodeRuntimeHandlerFeatures
core/v1.NodeRuntimeHandlerFeatures: 1! recursiveReadOnlyMounts b; 2! userNamespaces b
core/v1.NodeSelector: 1 nodeSelectorTerms *core/v1.NodeSelectorTerm
core/v1.NodeSelectorRequirement: 1! key s; 2! operator s; 3 values *s
core/v1.NodeSelectorTerm: 1 matchExpressions *core/v1.NodeSelectorRequirement; 2 matchFields *core/v1.NodeSelectorRequirement
core/v1.NodeSpec: 1 podCIDR s; 2 externalID s; 3 providerID s; 4 unschedulable b; 5 taints *core/v1.Taint; 6 configSource core/v1.NodeConfigSource; 7 podCIDRs *s
core/v1.NodeStatus: 1 capacity %quantity; 2 allocatable %quantity; 3 phase s; 4 conditions *core/v1.NodeCondition; 5 addresses *core/v1.NodeAddress; 6 daemonEndpoints core/v1.NodeDaemonEndpoints; 7 nodeInfo core/v1.NodeSystemInfo; 8 images *core/v1.ContainerImage; 9 volumesInUse *s; 10 volumesAttached *core/v1.AttachedVolume; 11 config core/v1.NodeConfigStatus; 12 runtimeHandlers *core/v1.NodeRuntimeHandler; 13 features core/v1.NodeFeatures; 14 declaredFeatures *s
core/v1.NodeSwapStatus: 1! capacity l
core/v1.NodeSystemInfo: 1! machineID s; 2! systemUUID s; 3! bootID s; 4! kernelVersion s; 5! osImage s; 6! containerRuntimeVersion s; 7! kubeletVersion s; 8! kubeProxyVersion s; 9! operatingSystem s; 10! architecture s; 11 swap core/v1.NodeSwapStatus
core/v1.ObjectFieldSelector: 1 apiVersion s; 2! fieldPath s
core/v1.ObjectReference: 1 kind s; 2 namespace s; 3 name s; 4 uid s; 5 apiVersion s; 6 resourceVersion s; 7 fieldPath s
core/v1.PersistentVolume: 1 metadata meta/v1.ObjectMeta; 2 spec core/v1.PersistentVolumeSpec; 3 status core/v1.PersistentVolumeStatus
core/v1.PersistentVolumeClaim: 1 metadata meta/v1.ObjectMeta; 2 spec core/v1.PersistentVolumeClaimSpec; 3 status core/v1.PersistentVolumeClaimStatus
core/v1.PersistentVolumeClaimCondition: 1! type s; 2! status s; 3 lastProbeTime time; 4 lastTransitionTime time; 5 reason s; 6 message s
core/v1.PersistentVolumeClaimList: 1 metadata meta/v1.ListMeta; 2 items *core/v1.PersistentVolumeClaim
core/v1.PersistentVolumeClaimSpec: 1 accessModes *s; 2 resources core/v1.ResourceRequirements; 3 volumeName s; 4 selector meta/v1.LabelSelector; 5! storageClassName s; 6! volumeMode s; 7 dataSource core/v1.TypedLocalObjectReference; 8 dataSourceRef core/v1.TypedObjectReference; 9! volumeAttributesClassName s
core/v1.PersistentVolumeClaimStatus: 1 phase s; 2 accessModes *s; 3 capacity %quantity; 4 conditions *core/v1.PersistentVolumeClaimCondition; 5 allocatedResources %quantity; 7 allocatedResourceStatuses %s; 8! currentVolumeAttributesClassName s; 9 modifyVolumeStatus core/v1.ModifyVolumeStatus
core/v1.PersistentVolumeClaimTemplate: 1 metadata meta/v1.ObjectMeta; 2 spec core/v1.PersistentVolumeClaimSpec
core/v1.PersistentVolumeClaimVolumeSource: 1! claimName s; 2 readOnly b
core/v1.PersistentVolumeList: 1 metadata meta/v1.ListMeta; 2 items *core/v1.PersistentVolume
core/v1.PersistentVolumeSource: 1 gcePersistentDisk core/v1.GCEPersistentDiskVolumeSource; 2 awsElasticBlockStore core/v1.AWSElasticBlockStoreVolumeSource; 3 hostPath core/v1.HostPathVolumeSource; 4 glusterfs core/v1.GlusterfsPersistentVolumeSource; 5 nfs core/v1.NFSVolumeSource; 6 rbd core/v1.RBDPersistentVolumeSource; 7 iscsi core/v1.ISCSIPersistentVolumeSource; 8 cinder core/v1.CinderPersistentVolumeSource; 9 cephfs core/v1.CephFSPersistentVolumeSource; 10 fc core/v1.FCVolumeSource; 11 flocker core/v1.FlockerVolumeSource; 12 flexVolume core/v1.FlexPersistentVolumeSource; 13 azureFile core/v1.AzureFilePersistentVolumeSource; 14 vsphereVolume core/v1.VsphereVirtualDiskVolumeSource; 15 quobyte core/v1.QuobyteVolumeSource; 16 azureDisk core/v1.AzureDiskVolumeSource; 17 photonPersistentDisk core/v1.PhotonPersistentDiskVolumeSource; 18 portworxVolume core/v1.PortworxVolumeSource; 19 scaleIO core/v1.ScaleIOPersistentVolumeSource; 20 local core/v1.LocalVolumeSource; 21 storageos core/v1.StorageOSPersistentVolumeSource; 22 csi core/v1.CSIPersistentVolumeSource
core/v1.PersistentVolumeSpec: 1 capacity %quantity; 2^ persistentVolumeSource core/v1.PersistentVolumeSource; 3 accessModes *s; 4 claimRef core/v1.ObjectReference; 5 persistentVolumeReclaimPolicy s; 6 storageClassName s; 7 mountOptions *s; 8! volumeMode s; 9 nodeAffinity core/v1.VolumeNodeAffinity; 10! volumeAttributesClassName s
core/v1.PersistentVolumeStatus: 1 phase s; 2 message s; 3 reason s; 4 lastPhaseTransitionTime time
core/v1.PhotonPersistentDiskVolumeSource: 1! pdID s; 2 fsType s
core/v1.Pod: 1 metadata meta/v1.ObjectMeta; 2 spec core/v1.PodSpec; 3 status core/v1.PodStatus
core/v1.PodAffinity: 1 requiredDuringSchedulingIgnoredDuringExecution *core/v1.PodAffinityTerm; 2 preferredDuringSchedulingIgnoredDuringExecution *core/v1.WeightedPodAffinityTerm
core/v1.PodAffinityTerm: 1 labelSelector meta/v1.LabelSelector; 2 namespaces *s; 3! topologyKey s; 4 namespaceSelector meta/v1.LabelSelector; 5 matchLabelKeys *s; 6 mismatchLabelKeys *s
core/v1.PodAntiAffinity: 1 requiredDuringSchedulingIgnoredDuringExecution *core/v1.PodAffinityTerm; 2 preferredDuringSchedulingIgnoredDuringExecution *core/v1.WeightedPodAffinityTerm
core/v1.PodCertificateProjection: 1 signerName s; 2 keyType s; 3! maxExpirationSeconds i; 4 credentialBundlePath s; 5 keyPath s; 6 certificateChainPath s; 7 userAnnotations %s
core/v1.PodCondition: 1! type s; 2! status s; 3 lastProbeTime time; 4 lastTransitionTime time; 5 reason s; 6 message s; 7 observedGeneration l
core/v1.PodDNSConfig: 1 nameservers *s; 2 searches *s; 3 options *core/v1.PodDNSConfigOption
core/v1.PodDNSConfigOption: 1 name s; 2! value s
core/v1.PodExtendedResourceClaimStatus: 1 requestMappings *core/v1.ContainerExtendedResourceRequest; 2! resourceClaimName s
core/v1.PodIP: 1 ip s
core/v1.PodList: 1 metadata meta/v1.ListMeta; 2 items *core/v1.Pod
core/v1.PodOS: 1! name s
core/v1.PodReadinessGate: 1! conditionType s
core/v1.PodResourceClaim: 1! name s; 3! resourceClaimName s; 4! resourceClaimTemplateName s
core/v1.PodResourceClaimStatus: 1! name s; 2! resourceClaimName s
core/v1.PodSchedulingGate: 1! name s
core/v1.PodSecurityContext: 1 seLinuxOptions core/v1.SELinuxOptions; 2! runAsUser l; 3! runAsNonRoot b; 4 supplementalGroups *l; 5! fsGroup l; 6! runAsGroup l; 7 sysctls *core/v1.Sysctl; 8 windowsOptions core/v1.WindowsSecurityContextOptions; 9! fsGroupChangePolicy s; 10 seccompProfile core/v1.SeccompProfile; 11 appArmorProfile core/v1.AppArmorProfile; 12! supplementalGroupsPolicy s; 13! seLinuxChangePolicy s
core/v1.PodSpec: 1 volumes *core/v1.Volume; 2 containers *core/v1.Container; 3 restartPolicy s; 4! terminationGracePeriodSeconds l; 5! activeDeadlineSeconds l; 6 dnsPolicy s; 7 nodeSelector %s; 8 serviceAccountName s; 9 serviceAccount s; 10 nodeName s; 11 hostNetwork b; 12 hostPID b; 13 hostIPC b; 14 securityContext core/v1.PodSecurityContext; 15 imagePullSecrets *core/v1.LocalObjectReference; 16 hostname s; 17 subdomain s; 18 affinity core/v1.Affinity; 19 schedulerName s; 20 initContainers *core/v1.Container; 21! automountServiceAccountToken b; 22 tolerations *core/v1.Toleration; 23 hostAliases *core/v1.HostAlias; 24 priorityClassName s; 25! priority i; 26 dnsConfig core/v1.PodDNSConfig; 27! shareProcessNamespace b; 28 readinessGates *core/v1.PodReadinessGate; 29! runtimeClassName s; 30! enableServiceLinks b; 31! preemptionPolicy s; 32 overhead %quantity; 33 topologySpreadConstraints *core/v1.TopologySpreadConstraint; 34 ephemeralContainers *core/v1.EphemeralContainer; 35! setHostnameAsFQDN b; 36 os core/v1.PodOS; 37! hostUsers b; 38 schedulingGates *core/v1.PodSchedulingGate; 39 resourceClaims *core/v1.PodResourceClaim; 40 resources core/v1.ResourceRequirements; 41! hostnameOverride s; 42 workloadRef core/v1.WorkloadReference
core/v1.PodStatus: 1 phase s; 2 conditions *core/v1.PodCondition; 3 message s; 4 reason s; 5 hostIP s; 6 podIP s; 7 startTime time; 8 containerStatuses *core/v1.ContainerStatus; 9 qosClass s; 10 initContainerStatuses *core/v1.ContainerStatus; 11 nominatedNodeName s; 12 podIPs *core/v1.PodIP; 13 ephemeralContainerStatuses *core/v1.ContainerStatus; 14 resize s; 15 resourceClaimStatuses *core/v1.PodResourceClaimStatus; 16 hostIPs *core/v1.HostIP; 17 observedGeneration l; 18 extendedResourceClaimStatus core/v1.PodExtendedResourceClaimStatus; 19 allocatedResources %quantity; 20 resources core/v1.ResourceRequirements
core/v1.PodStatusResult: 1 metadata meta/v1.ObjectMeta; 2 status core/v1.PodStatus
core/v1.PodTemplate: 1 metadata meta/v1.ObjectMeta; 2 template core/v1.PodTemplateSpec
core/v1.PodTemplateList: 1 metadata meta/v1.ListMeta; 2 items *core/v1.PodTemplate
core/v1.PodTemplateSpec: 1 metadata meta/v1.ObjectMeta; 2 spec core/v1.PodSpec
core/v1.PortStatus: 1! port i; 2! protocol s; 3! error s
core/v1.PortworxVolumeSource: 1! volumeID s; 2 fsType s; 3 readOnly b
core/v1.PreferredSchedulingTerm: 1! weight i; 2 preference core/v1.NodeSelectorTerm
core/v1.Probe: 1^ handler core/v1.ProbeHandler; 2 initialDelaySeconds i; 3 timeoutSeconds i; 4 periodSeconds i; 5 successThreshold i; 6 failureThreshold i; 7! terminationGracePeriodSeconds l
core/v1.ProbeHandler: 1 exec core/v1.ExecAction; 2 httpGet core/v1.HTTPGetAction; 3 tcpSocket core/v1.TCPSocketAction; 4 grpc core/v1.GRPCAction
core/v1.ProjectedVolumeSource: 1 sources *core/v1.VolumeProjection; 2! defaultMode i
core/v1.QuobyteVolumeSource: 1! registry s; 2! volume s; 3 readOnly b; 4 user s; 5 group s; 6 tenant s
core/v1.RBDPersistentVolumeSource: 1 monitors *s; 2! image s; 3 fsType s; 4 pool s; 5 user s; 6 keyring s; 7 secretRef core/v1.SecretReference; 8 readOnly b
core/v1.RBDVolumeSource: 1 monitors *s; 2! image s; 3 fsType s; 4 pool s; 5 user s; 6 keyring s; 7 secretRef core/v1.LocalObjectReference; 8 readOnly b
core/v1.RangeAllocation: 1 metadata meta/v1.ObjectMeta; 2! range s; 3! data y
core/v1.ReplicationController: 1 metadata meta/v1.ObjectMeta; 2 spec core/v1.ReplicationControllerSpec; 3 status core/v1.ReplicationControllerStatus
core/v1.ReplicationControllerCondition: 1! type s; 2! status s; 3 lastTransitionTime time; 4 reason s; 5 message s
core/v1.ReplicationControllerList: 1 metadata meta/v1.ListMeta; 2 items *core/v1.ReplicationController
core/v1.ReplicationControllerSpec: 1! replicas i; 2 selector %s; 3 template core/v1.PodTemplateSpec; 4 minReadySeconds i
core/v1.ReplicationControllerStatus: 1! replicas i; 2 fullyLabeledReplicas i; 3 observedGeneration l; 4 readyReplicas i; 5 availableReplicas i; 6 conditions *core/v1.ReplicationControllerCondition
core/v1.ResourceClaim: 1! name s; 2 request s
core/v1.ResourceFieldSelector: 1 containerName s; 2! resource s; 3 divisor quantity
core/v1.ResourceHealth: 1! resourceID s; 2 health s; 6! message s
core/v1.ResourceQuota: 1 metadata meta/v1.ObjectMeta; 2 spec core/v1.ResourceQuotaSpec; 3 status core/v1.ResourceQuotaStatus
core/v1.ResourceQuotaList: 1 metadata meta/v1.ListMeta; 2 items *core/v1.ResourceQuota
core/v1.ResourceQuotaSpec: 1 hard %quantity; 2 scopes *s; 3 scopeSelector core/v1.ScopeSelector
core/v1.ResourceQuotaStatus: 1 hard %quantity; 2 used %quantity
core/v1.ResourceRequirements: 1 limits %quantity; 2 requests %quantity; 3 claims *core/v1.ResourceClaim
core/v1.ResourceStatus: 1! name s; 2 resources *core/v1.ResourceHealth
core/v1.SELinuxOptions: 1 user s; 2 role s; 3 type s; 4 level s
core/v1.ScaleIOPersistentVolumeSource: 1! gateway s; 2! system s; 3 secretRef core/v1.SecretReference; 4 sslEnabled b; 5 protectionDomain s; 6 storagePool s; 7 storageMode s; 8 volumeName s; 9 fsType s; 10 readOnly b
core/v1.ScaleIOVolumeSource: 1! gateway s; 2! system s; 3 secretRef core/v1.LocalObjectReference; 4 sslEnabled b; 5 protectionDomain s; 6 storagePool s; 7 storageMode s; 8 volumeName s; 9 fsType s; 10 readOnly b
core/v1.ScopeSelector: 1 matchExpressions *core/v1.ScopedResourceSelectorRequirement
core/v1.ScopedResourceSelectorRequirement: 1! scopeName s; 2! operator s; 3 values *s
core/v1.SeccompProfile: 1! type s; 2! localhostProfile s
core/v1.Secret: 1 metadata meta/v1.ObjectMeta; 2 data %y; 3 type s; 4 stringData %s; 5! immutable b
core/v1.SecretEnvSource: 1^ localObjectReference core/v1.LocalObjectReference; 2! optional b
core/v1.SecretKeySelector: 1^ localObjectReference core/v1.LocalObjectReference; 2! key s; 3! optional b
core/v1.SecretList: 1 metadata meta/v1.ListMeta; 2 items *core/v1.Secret
core/v1.SecretProjection: 1^ localObjectReference core/v1.LocalObjectReference; 2 items *core/v1.KeyToPath; 4! optional b
core/v1.SecretReference: 1 name s; 2 namespace s
core/v1.SecretVolumeSource: 1 secretName s; 2 items *core/v1.KeyToPath; 3! defaultMode i; 4! optional b
core/v1.SecurityContext: 1 capabilities core/v1.Capabilities; 2! privileged b; 3 seLinuxOptions core/v1.SELinuxOptions; 4! runAsUser l; 5! runAsNonRoot b; 6! readOnlyRootFilesystem b; 7! allowPrivilegeEscalation b; 8! runAsGroup l; 9! procMount s; 10 windowsOptions core/v1.WindowsSecurityContextOptions; 11 seccompProfile core/v1.SeccompProfile; 12 appArmorProfile core/v1.AppArmorProfile
core/v1.Service: 1 metadata meta/v1.ObjectMeta; 2 spec core/v1.ServiceSpec; 3 status core/v1.ServiceStatus
core/v1.ServiceAccount: 1 metadata meta/v1.ObjectMeta; 2 secrets *core/v1.ObjectReference; 3 imagePullSecrets *core/v1.LocalObjectReference; 4! automountServiceAccountToken b
core/v1.ServiceAccountList: 1 metadata meta/v1.ListMeta; 2 items *core/v1.ServiceAccount
core/v1.ServiceAccountTokenProjection: 1 audience s; 2! expirationSeconds l; 3! path s
core/v1.ServiceList: 1 metadata meta/v1.ListMeta; 2 items *core/v1.Service
core/v1.ServicePort: 1 name s; 2 protocol s; 3! port i; 4 targetPort intstr; 5 nodePort i; 6! appProtocol s
core/v1.ServiceSpec: 1 ports *core/v1.ServicePort; 2 selector %s; 3 clusterIP s; 4 type s; 5 externalIPs *s; 7 sessionAffinity s; 8 loadBalancerIP s; 9 loadBalancerSourceRanges *s; 10 externalName s; 11 externalTrafficPolicy s; 12 healthCheckNodePort i; 13 publishNotReadyAddresses b; 14 sessionAffinityConfig core/v1.SessionAffinityConfig; 16 topologyKeys *s; 17! ipFamilyPolicy s; 18 clusterIPs *s; 19 ipFamilies *s; 20! allocateLoadBalancerNodePorts b; 21! loadBalancerClass s; 22! internalTrafficPolicy s; 23! trafficDistribution s
core/v1.ServiceStatus: 1 loadBalancer core/v1.LoadBalancerStatus; 2 conditions *meta/v1.Condition
core/v1.SessionAffinityConfig: 1 clientIP core/v1.ClientIPConfig
core/v1.SleepAction: 1! seconds l
core/v1.StorageOSPersistentVolumeSource: 1 volumeName s; 2 volumeNamespace s; 3 fsType s; 4 readOnly b; 5 secretRef core/v1.ObjectReference
core/v1.StorageOSVolumeSource: 1 volumeName s; 2 volumeNamespace s; 3 fsType s; 4 readOnly b; 5 secretRef core/v1.LocalObjectReference
core/v1.Sysctl: 1! name s; 2! value s
core/v1.TCPSocketAction: 1 port intstr; 2 host s
core/v1.Taint: 1! key s; 2 value s; 3! effect s; 4 timeAdded time
core/v1.Toleration: 1 key s; 2 operator s; 3 value s; 4 effect s; 5! tolerationSeconds l
core/v1.TopologySelectorLabelRequirement: 1! key s; 2 values *s
core/v1.TopologySelectorTerm: 1 matchLabelExpressions *core/v1.TopologySelectorLabelRequirement
core/v1.TopologySpreadConstraint: 1! maxSkew i; 2! topologyKey s; 3! whenUnsatisfiable s; 4 labelSelector meta/v1.LabelSelector; 5! minDomains i; 6! nodeAffinityPolicy s; 7! nodeTaintsPolicy s; 8 matchLabelKeys *s
core/v1.TypedLocalObjectReference: 1! apiGroup s; 2! kind s; 3! name s
core/v1.TypedObjectReference: 1! apiGroup s; 2! kind s; 3! name s; 4! namespace s
core/v1.Volume: 1! name s; 2^ volumeSource core/v1.VolumeSource
core/v1.VolumeDevice: 1! name s; 2! devicePath s
core/v1.VolumeMount: 1! name s; 2 readOnly b; 3! mountPath s; 4 subPath s; 5! mountPropagation s; 6 subPathExpr s; 7! recursiveReadOnly s
core/v1.VolumeMountStatus: 1! name s; 2! mountPath s; 3 readOnly b; 4! recursiveReadOnly s; 5 volumeStatus core/v1.VolumeStatus
core/v1.VolumeNodeAffinity: 1 required core/v1.NodeSelector
core/v1.VolumeProjection: 1 secret core/v1.SecretProjection; 2 downwardAPI core/v1.DownwardAPIProjection; 3 configMap core/v1.ConfigMapProjection; 4 serviceAccountToken core/v1.ServiceAccountTokenProjection; 5 clusterTrustBundle core/v1.ClusterTrustBundleProjection; 6 podCertificate core/v1.PodCertificateProjection
core/v1.VolumeSource: 1 hostPath core/v1.HostPathVolumeSource; 2 emptyDir core/v1.EmptyDirVolumeSource; 3 gcePersistentDisk core/v1.GCEPersistentDiskVolumeSource; 4 awsElasticBlockStore core/v1.AWSElasticBlockStoreVolumeSource; 5 gitRepo core/v1.GitRepoVolumeSource; 6 secret core/v1.SecretVolumeSource; 7 nfs core/v1.NFSVolumeSource; 8 iscsi core/v1.ISCSIVolumeSource; 9 glusterfs core/v1.GlusterfsVolumeSource; 10 persistentVolumeClaim core/v1.PersistentVolumeClaimVolumeSource; 11 rbd core/v1.RBDVolumeSource; 12 flexVolume core/v1.FlexVolumeSource; 13 cinder core/v1.CinderVolumeSource; 14 cephfs core/v1.CephFSVolumeSource; 15 flocker core/v1.FlockerVolumeSource; 16 downwardAPI core/v1.DownwardAPIVolumeSource; 17 fc core/v1.FCVolumeSource; 18 azureFile core/v1.AzureFileVolumeSource; 19 configMap core/v1.ConfigMapVolumeSource; 20 vsphereVolume core/v1.VsphereVirtualDiskVolumeSource; 21 quobyte core/v1.QuobyteVolumeSource; 22 azureDisk core/v1.AzureDiskVolumeSource; 23 photonPersistentDisk core/v1.PhotonPersistentDiskVolumeSource; 24 portworxVolume core/v1.PortworxVolumeSource; 25 scaleIO core/v1.ScaleIOVolumeSource; 26 projected core/v1.ProjectedVolumeSource; 27 storageos core/v1.StorageOSVolumeSource; 28 csi core/v1.CSIVolumeSource; 29 ephemeral core/v1.EphemeralVolumeSource; 30 image core/v1.ImageVolumeSource
core/v1.VolumeStatus: 1 image core/v1.ImageVolumeStatus
core/v1.VsphereVirtualDiskVolumeSource: 1! volumePath s; 2 fsType s; 3 storagePolicyName s; 4 storagePolicyID s
core/v1.WeightedPodAffinityTerm: 1! weight i; 2 podAffinityTerm core/v1.PodAffinityTerm
core/v1.WindowsSecurityContextOptions: 1! gmsaCredentialSpecName s; 2! gmsaCredentialSpec s; 3! runAsUserName s; 4! hostProcess b
core/v1.WorkloadReference: 1! name s; 2! podGroup s; 3 podGroupReplicaKey s
discovery.k8s.io/v1.Endpoint: 1 addresses *s; 2 conditions discovery.k8s.io/v1.EndpointConditions; 3! hostname s; 4 targetRef core/v1.ObjectReference; 5 deprecatedTopology %s; 6! nodeName s; 7! zone s; 8 hints discovery.k8s.io/v1.EndpointHints
discovery.k8s.io/v1.EndpointConditions: 1! ready b; 2! serving b; 3! terminating b
discovery.k8s.io/v1.EndpointHints: 1 forZones *discovery.k8s.io/v1.ForZone; 2 forNodes *discovery.k8s.io/v1.ForNode
discovery.k8s.io/v1.EndpointPort: 1! name s; 2! protocol s; 3! port i; 4! appProtocol s
discovery.k8s.io/v1.EndpointSlice: 1 metadata meta/v1.ObjectMeta; 2 endpoints *discovery.k8s.io/v1.Endpoint; 3 ports *discovery.k8s.io/v1.EndpointPort; 4! addressType s
discovery.k8s.io/v1.EndpointSliceList: 1 metadata meta/v1.ListMeta; 2 items *discovery.k8s.io/v1.EndpointSlice
discovery.k8s.io/v1.ForNode: 1! name s
discovery.k8s.io/v1.ForZone: 1! name s
discovery.k8s.io/v1alpha1.Endpoint: 1 addresses *s; 2 conditions discovery.k8s.io/v1alpha1.EndpointConditions; 3! hostname s; 4 targetRef core/v1.ObjectReference; 5 topology %s; 6! nodeName s
discovery.k8s.io/v1alpha1.EndpointConditions: 1! ready b; 2! serving b; 3! terminating b
discovery.k8s.io/v1alpha1.EndpointPort: 1! name s; 2! protocol s; 3! port i; 4! appProtocol s
discovery.k8s.io/v1alpha1.EndpointSlice: 1 metadata meta/v1.ObjectMeta; 2 endpoints *discovery.k8s.io/v1alpha1.Endpoint; 3 ports *discovery.k8s.io/v1alpha1.EndpointPort; 4! addressType s
discovery.k8s.io/v1alpha1.EndpointSliceList: 1 metadata meta/v1.ListMeta; 2 items *discovery.k8s.io/v1alpha1.EndpointSlice
discovery.k8s.io/v1beta1.Endpoint: 1 addresses *s; 2 conditions discovery.k8s.io/v1beta1.EndpointConditions; 3! hostname s; 4 targetRef core/v1.ObjectReference; 5 topology %s; 6! nodeName s
discovery.k8s.io/v1beta1.EndpointConditions: 1! ready b; 2! serving b; 3! terminating b
discovery.k8s.io/v1beta1.EndpointPort: 1! name s; 2! protocol s; 3! port i; 4! appProtocol s
discovery.k8s.io/v1beta1.EndpointSlice: 1 metadata meta/v1.ObjectMeta; 2 endpoints *discovery.k8s.io/v1beta1.Endpoint; 3 ports *discovery.k8s.io/v1beta1.EndpointPort; 4! addressType s
discovery.k8s.io/v1beta1.EndpointSliceList: 1 metadata meta/v1.ListMeta; 2 items *discovery.k8s.io/v1beta1.EndpointSlice
events.k8s.io/v1.Event: 1 metadata meta/v1.ObjectMeta; 2 eventTime time; 3 series events.k8s.io/v1.EventSeries; 4 reportingController s; 5 reportingInstance s; 6 action s; 7 reason s; 8 regarding core/v1.ObjectReference; 9 related core/v1.ObjectReference; 10 note s; 11 type s; 12 deprecatedSource core/v1.EventSource; 13 deprecatedFirstTimestamp time; 14 deprecatedLastTimestamp time; 15 deprecatedCount i
events.k8s.io/v1.EventList: 1 metadata meta/v1.ListMeta; 2 items *events.k8s.io/v1.Event
events.k8s.io/v1.EventSeries: 1! count i; 2 lastObservedTime time
events.k8s.io/v1beta1.Event: 1 metadata meta/v1.ObjectMeta; 2 eventTime time; 3 series events.k8s.io/v1beta1.EventSeries; 4 reportingController s; 5 reportingInstance s; 6 action s; 7 reason s; 8 regarding core/v1.ObjectReference; 9 related core/v1.ObjectReference; 10 note s; 11 type s; 12 deprecatedSource core/v1.EventSource; 13 deprecatedFirstTimestamp time; 14 deprecatedLastTimestamp time; 15 deprecatedCount i
events.k8s.io/v1beta1.EventList: 1 metadata meta/v1.ListMeta; 2 items *events.k8s.io/v1beta1.Event
events.k8s.io/v1beta1.EventSeries: 1! count i; 2 lastObservedTime time
extensions/v1beta1.AllowedCSIDriver: 1! name s
extensions/v1beta1.AllowedFlexVolume: 1! driver s
extensions/v1beta1.AllowedHostPath: 1 pathPrefix s; 2 readOnly b
extensions/v1beta1.DaemonSet: 1 metadata meta/v1.ObjectMeta; 2 spec extensions/v1beta1.DaemonSetSpec; 3 status extensions/v1beta1.DaemonSetStatus
extensions/v1beta1.DaemonSetCondition: 1! type s; 2! status s; 3 lastTransitionTime time; 4 reason s; 5 message s
extensions/v1beta1.DaemonSetList: 1 metadata meta/v1.ListMeta; 2 items *extensions/v1beta1.DaemonSet
extensions/v1beta1.DaemonSetSpec: 1 selector meta/v1.LabelSelector; 2 template core/v1.PodTemplateSpec; 3 updateStrategy extensions/v1beta1.DaemonSetUpdateStrategy; 4 minReadySeconds i; 5 templateGeneration l; 6! revisionHistoryLimit i
extensions/v1beta1.DaemonSetStatus: 1! currentNumberScheduled i; 2! numberMisscheduled i; 3! desiredNumberScheduled i; 4! numberReady i; 5 observedGeneration l; 6 updatedNumberScheduled i; 7 numberAvailable i; 8 numberUnavailable i; 9! collisionCount i; 10 conditions *extensions/v1beta1.DaemonSetCondition
extensions/v1beta1.DaemonSetUpdateStrategy: 1 type s; 2 rollingUpdate extensions/v1beta1.RollingUpdateDaemonSet
extensions/v1beta1.Deployment: 1 metadata meta/v1.ObjectMeta; 2 spec extensions/v1beta1.DeploymentSpec; 3 status extensions/v1beta1.DeploymentStatus
extensions/v1beta1.DeploymentCondition: 1! type s; 2! status s; 4 reason s; 5 message s; 6 lastUpdateTime time; 7 lastTransitionTime time
extensions/v1beta1.DeploymentList: 1 metadata meta/v1.ListMeta; 2 items *extensions/v1beta1.Deployment
extensions/v1beta1.DeploymentRollback: 1! name s; 2 updatedAnnotations %s; 3 rollbackTo extensions/v1beta1.RollbackConfig
extensions/v1beta1.DeploymentSpec: 1! replicas i; 2 selector meta/v1.LabelSelector; 3 template core/v1.PodTemplateSpec; 4 strategy extensions/v1beta1.DeploymentStrategy; 5 minReadySeconds i; 6! revisionHistoryLimit i; 7 paused b; 8 rollbackTo extensions/v1beta1.RollbackConfig; 9! progressDeadlineSeconds i
extensions/v1beta1.DeploymentStatus: 1 observedGeneration l; 2 replicas i; 3 updatedReplicas i; 4 availableReplicas i; 5 unavailableReplicas i; 6 conditions *extensions/v1beta1.DeploymentCondition; 7 readyReplicas i; 8! collisionCount i
extensions/v1beta1.DeploymentStrategy: 1 type s; 2 rollingUpdate extensions/v1beta1.RollingUpdateDeployment
extensions/v1beta1.FSGroupStrategyOptions: 1 rule s; 2 ranges *extensions/v1beta1.IDRange
extensions/v1beta1.HTTPIngressPath: 1 path s; 2 backend extensions/v1beta1.IngressBackend; 3! pathType s
extensions/v1beta1.HTTPIngressRuleValue: 1 paths *extensions/v1beta1.HTTPIngressPath
extensions/v1beta1.HostPortRange: 1! min i; 2! max i
extensions/v1beta1.IDRange: 1! min l; 2! max l
extensions/v1beta1.IPBlock: 1! cidr s; 2 except *s
extensions/v1beta1.Ingress: 1 metadata meta/v1.ObjectMeta; 2 spec extensions/v1beta1.IngressSpec; 3 status extensions/v1beta1.IngressStatus
extensions/v1beta1.IngressBackend: 1 serviceName s; 2 servicePort intstr; 3 resource core/v1.TypedLocalObjectReference
extensions/v1beta1.IngressList: 1 metadata meta/v1.ListMeta; 2 items *extensions/v1beta1.Ingress
extensions/v1beta1.IngressRule: 1 host s; 2^ ingressRuleValue extensions/v1beta1.IngressRuleValue
extensions/v1beta1.IngressRuleValue: 1 http extensions/v1beta1.HTTPIngressRuleValue
extensions/v1beta1.IngressSpec: 1 backend extensions/v1beta1.IngressBackend; 2 tls *extensions/v1beta1.IngressTLS; 3 rules *extensions/v1beta1.IngressRule; 4! ingressClassName s
extensions/v1beta1.IngressStatus: 1 loadBalancer core/v1.LoadBalancerStatus
extensions/v1beta1.IngressTLS: 1 hosts *s; 2 secretName s
extensions/v1beta1.NetworkPolicy: 1 metadata meta/v1.ObjectMeta; 2 spec extensions/v1beta1.NetworkPolicySpec
extensions/v1beta1.NetworkPolicyEgressRule: 1 ports *extensions/v1beta1.NetworkPolicyPort; 2 to *extensions/v1beta1.NetworkPolicyPeer
extensions/v1beta1.NetworkPolicyIngressRule: 1 ports *extensions/v1beta1.NetworkPolicyPort; 2 from *extensions/v1beta1.NetworkPolicyPeer
extensions/v1beta1.NetworkPolicyList: 1 metadata meta/v1.ListMeta; 2 items *extensions/v1beta1.NetworkPolicy
extensions/v1beta1.NetworkPolicyPeer: 1 podSelector meta/v1.LabelSelector; 2 namespaceSelector meta/v1.LabelSelector; 3 ipBlock extensions/v1beta1.IPBlock
extensions/v1beta1.NetworkPolicyPort: 1! protocol s; 2 port intstr
extensions/v1beta1.NetworkPolicySpec: 1 podSelector meta/v1.LabelSelector; 2 ingress *extensions/v1beta1.NetworkPolicyIngressRule; 3 egress *extensions/v1beta1.NetworkPolicyEgressRule; 4 policyTypes *s
extensions/v1beta1.PodSecurityPolicy: 1 metadata meta/v1.ObjectMeta; 2 spec extensions/v1beta1.PodSecurityPolicySpec
extensions/v1beta1.PodSecurityPolicyList: 1 metadata meta/v1.ListMeta; 2 items *extensions/v1beta1.PodSecurityPolicy
extensions/v1beta1.PodSecurityPolicySpec: 1 privileged b; 2 defaultAddCapabilities *s; 3 requiredDropCapabilities *s; 4 allowedCapabilities *s; 5 volumes *s; 6 hostNetwork b; 7 hostPorts *extensions/v1beta1.HostPortRange; 8 hostPID b; 9 hostIPC b; 10 seLinux extensions/v1beta1.SELinuxStrategyOptions; 11 runAsUser extensions/v1beta1.RunAsUserStrategyOptions; 12 supplementalGroups extensions/v1beta1.SupplementalGroupsStrategyOptions; 13 fsGroup extensions/v1beta1.FSGroupStrategyOptions; 14 readOnlyRootFilesystem b; 15! defaultAllowPrivilegeEscalation b; 16! allowPrivilegeEscalation b; 17 allowedHostPaths *extensions/v1beta1.AllowedHostPath; 18 allowedFlexVolumes *extensions/v1beta1.AllowedFlexVolume; 19 allowedUnsafeSysctls *s; 20 forbiddenSysctls *s; 21 allowedProcMountTypes *s; 22 runAsGroup extensions/v1beta1.RunAsGroupStrategyOptions; 23 allowedCSIDrivers *extensions/v1beta1.AllowedCSIDriver; 24 runtimeClass extensions/v1beta1.RuntimeClassStrategyOptions
extensions/v1beta1.ReplicaSet: 1 metadata meta/v1.ObjectMeta; 2 spec extensions/v1beta1.ReplicaSetSpec; 3 status extensions/v1beta1.ReplicaSetStatus
extensions/v1beta1.ReplicaSetCondition: 1! type s; 2! status s; 3 lastTransitionTime time; 4 reason s; 5 message s
extensions/v1beta1.ReplicaSetList: 1 metadata meta/v1.ListMeta; 2 items *extensions/v1beta1.ReplicaSet
extensions/v1beta1.ReplicaSetSpec: 1! replicas i; 2 selector meta/v1.LabelSelector; 3 template core/v1.PodTemplateSpec; 4 minReadySeconds i
extensions/v1beta1.ReplicaSetStatus: 1! replicas i; 2 fullyLabeledReplicas i; 3 observedGeneration l; 4 readyReplicas i; 5 availableReplicas i; 6 conditions *extensions/v1beta1.ReplicaSetCondition
extensions/v1beta1.RollbackConfig: 1 revision l
extensions/v1beta1.RollingUpdateDaemonSet: 1 maxUnavailable intstr
extensions/v1beta1.RollingUpdateDeployment: 1 maxUnavailable intstr; 2 maxSurge intstr
extensions/v1beta1.RunAsGroupStrategyOptions: 1! rule s; 2 ranges *extensions/v1beta1.IDRange
extensions/v1beta1.RunAsUserStrategyOptions: 1! rule s; 2 ranges *extensions/v1beta1.IDRange
extensions/v1beta1.RuntimeClassStrategyOptions: 1 allowedRuntimeClassNames *s; 2! defaultRuntimeClassName s
extensions/v1beta1.SELinuxStrategyOptions: 1! rule s; 2 seLinuxOptions core/v1.SELinuxOptions
extensions/v1beta1.Scale: 1 metadata meta/v1.ObjectMeta; 2 spec extensions/v1beta1.ScaleSpec; 3 status extensions/v1beta1.ScaleStatus
extensions/v1beta1.ScaleSpec: 1 replicas i
extensions/v1beta1.ScaleStatus: 1! replicas i; 2 selector %s; 3 targetSelector s
extensions/v1beta1.SupplementalGroupsStrategyOptions: 1 rule s; 2 ranges *extensions/v1beta1.IDRange
meta/v1.Condition: 1! type s; 2! status s; 3 observedGeneration l; 4 lastTransitionTime time; 5! reason s; 6! message s
meta/v1.DeleteOptions: 1! gracePeriodSeconds l; 2 preconditions meta/v1.Preconditions; 3! orphanDependents b; 4! propagationPolicy s; 5 dryRun *s; 6! ignoreStoreReadErrorWithClusterBreakingPotential b
meta/v1.Initializer: 1! name s
meta/v1.Initializers: 1 pending *meta/v1.Initializer; 2 result meta/v1.Status
meta/v1.LabelSelector: 1 matchLabels %s; 2 matchExpressions *meta/v1.LabelSelectorRequirement
meta/v1.LabelSelectorRequirement: 1! key s; 2! operator s; 3 values *s
meta/v1.ListMeta: 1 selfLink s; 2 resourceVersion s; 3 continue s; 4! remainingItemCount l
meta/v1.ManagedFieldsEntry: 1 manager s; 2 operation s; 3 apiVersion s; 4 time time; 6 fieldsType s; 7 fieldsV1 raw; 8 subresource s
meta/v1.ObjectMeta: 1 name s; 2 generateName s; 3 namespace s; 4 selfLink s; 5 uid s; 6 resourceVersion s; 7 generation l; 8 creationTimestamp time; 9 deletionTimestamp time; 10! deletionGracePeriodSeconds l; 11 labels %s; 12 annotations %s; 13 ownerReferences *meta/v1.OwnerReference; 14 finalizers *s; 15 clusterName s; 16 initializers meta/v1.Initializers; 17 managedFields *meta/v1.ManagedFieldsEntry
meta/v1.OwnerReference: 1! kind s; 3! name s; 4! uid s; 5! apiVersion s; 6! controller b; 7! blockOwnerDeletion b
meta/v1.Preconditions: 1! uid s; 2! resourceVersion s
meta/v1.Status: 1 metadata meta/v1.ListMeta; 2 status s; 3 message s; 4 reason s; 5 details meta/v1.StatusDetails; 6 code i
meta/v1.StatusCause: 1 reason s; 2 message s; 3 field s
meta/v1.StatusDetails: 1 name s; 2 group s; 3 kind s; 4 causes *meta/v1.StatusCause; 5 retryAfterSeconds i; 6 uid s
networking.k8s.io/v1.HTTPIngressPath: 1 path s; 2 backend networking.k8s.io/v1.IngressBackend; 3! pathType s
networking.k8s.io/v1.HTTPIngressRuleValue: 1 paths *networking.k8s.io/v1.HTTPIngressPath
networking.k8s.io/v1.IPBlock: 1! cidr s; 2 except *s
networking.k8s.io/v1.Ingress: 1 metadata meta/v1.ObjectMeta; 2 spec networking.k8s.io/v1.IngressSpec; 3 status networking.k8s.io/v1.IngressStatus
networking.k8s.io/v1.IngressBackend: 3 resource core/v1.TypedLocalObjectReference; 4 service networking.k8s.io/v1.IngressServiceBackend
networking.k8s.io/v1.IngressClass: 1 metadata meta/v1.ObjectMeta; 2 spec networking.k8s.io/v1.IngressClassSpec
networking.k8s.io/v1.IngressClassList: 1 metadata meta/v1.ListMeta; 2 items *networking.k8s.io/v1.IngressClass
networking.k8s.io/v1.IngressClassSpec: 1 controller s; 2 parameters core/v1.TypedLocalObjectReference
networking.k8s.io/v1.IngressList: 1 metadata meta/v1.ListMeta; 2 items *networking.k8s.io/v1.Ingress
networking.k8s.io/v1.IngressRule: 1 host s; 2^ ingressRuleValue networking.k8s.io/v1.IngressRuleValue
networking.k8s.io/v1.IngressRuleValue: 1 http networking.k8s.io/v1.HTTPIngressRuleValue
networking.k8s.io/v1.IngressServiceBackend: 1! name s; 2 port networking.k8s.io/v1.ServiceBackendPort
networking.k8s.io/v1.IngressSpec: 1 defaultBackend networking.k8s.io/v1.IngressBackend; 2 tls *networking.k8s.io/v1.IngressTLS; 3 rules *networking.k8s.io/v1.IngressRule; 4! ingressClassName s
networking.k8s.io/v1.IngressStatus: 1 loadBalancer core/v1.LoadBalancerStatus
networking.k8s.io/v1.IngressTLS: 1 hosts *s; 2 secretName s
networking.k8s.io/v1.NetworkPolicy: 1 metadata meta/v1.ObjectMeta; 2 spec networking.k8s.io/v1.NetworkPolicySpec
networking.k8s.io/v1.NetworkPolicyEgressRule: 1 ports *networking.k8s.io/v1.NetworkPolicyPort; 2 to *networking.k8s.io/v1.NetworkPolicyPeer
networking.k8s.io/v1.NetworkPolicyIngressRule: 1 ports *networking.k8s.io/v1.NetworkPolicyPort; 2 from *networking.k8s.io/v1.NetworkPolicyPeer
networking.k8s.io/v1.NetworkPolicyList: 1 metadata meta/v1.ListMeta; 2 items *networking.k8s.io/v1.NetworkPolicy
networking.k8s.io/v1.NetworkPolicyPeer: 1 podSelector meta/v1.LabelSelector; 2 namespaceSelector meta/v1.LabelSelector; 3 ipBlock networking.k8s.io/v1.IPBlock
networking.k8s.io/v1.NetworkPolicyPort: 1! protocol s; 2 port intstr; 3! endPort i
networking.k8s.io/v1.NetworkPolicySpec: 1 podSelector meta/v1.LabelSelector; 2 ingress *networking.k8s.io/v1.NetworkPolicyIngressRule; 3 egress *networking.k8s.io/v1.NetworkPolicyEgressRule; 4 policyTypes *s
networking.k8s.io/v1.ServiceBackendPort: 1 name s; 2 number i
networking.k8s.io/v1beta1.HTTPIngressPath: 1 path s; 2 backend networking.k8s.io/v1beta1.IngressBackend; 3! pathType s
networking.k8s.io/v1beta1.HTTPIngressRuleValue: 1 paths *networking.k8s.io/v1beta1.HTTPIngressPath
networking.k8s.io/v1beta1.Ingress: 1 metadata meta/v1.ObjectMeta; 2 spec networking.k8s.io/v1beta1.IngressSpec; 3 status networking.k8s.io/v1beta1.IngressStatus
networking.k8s.io/v1beta1.IngressBackend: 1 serviceName s; 2 servicePort intstr; 3 resource core/v1.TypedLocalObjectReference
networking.k8s.io/v1beta1.IngressClass: 1 metadata meta/v1.ObjectMeta; 2 spec networking.k8s.io/v1beta1.IngressClassSpec
networking.k8s.io/v1beta1.IngressClassList: 1 metadata meta/v1.ListMeta; 2 items *networking.k8s.io/v1beta1.IngressClass
networking.k8s.io/v1beta1.IngressClassSpec: 1 controller s; 2 parameters core/v1.TypedLocalObjectReference
networking.k8s.io/v1beta1.IngressList: 1 metadata meta/v1.ListMeta; 2 items *networking.k8s.io/v1beta1.Ingress
networking.k8s.io/v1beta1.IngressRule: 1 host s; 2^ ingressRuleValue networking.k8s.io/v1beta1.IngressRuleValue
networking.k8s.io/v1beta1.IngressRuleValue: 1 http networking.k8s.io/v1beta1.HTTPIngressRuleValue
networking.k8s.io/v1beta1.IngressSpec: 1 backend networking.k8s.io/v1beta1.IngressBackend; 2 tls *networking.k8s.io/v1beta1.IngressTLS; 3 rules *networking.k8s.io/v1beta1.IngressRule; 4! ingressClassName s
networking.k8s.io/v1beta1.IngressStatus: 1 loadBalancer core/v1.LoadBalancerStatus
networking.k8s.io/v1beta1.IngressTLS: 1 hosts *s; 2 secretName s
policy/v1.Eviction: 1 metadata meta/v1.ObjectMeta; 2 deleteOptions meta/v1.DeleteOptions
policy/v1.PodDisruptionBudget: 1 metadata meta/v1.ObjectMeta; 2 spec policy/v1.PodDisruptionBudgetSpec; 3 status policy/v1.PodDisruptionBudgetStatus
policy/v1.PodDisruptionBudgetList: 1 metadata meta/v1.ListMeta; 2 items *policy/v1.PodDisruptionBudget
policy/v1.PodDisruptionBudgetSpec: 1 minAvailable intstr; 2 selector meta/v1.LabelSelector; 3 maxUnavailable intstr; 4! unhealthyPodEvictionPolicy s
policy/v1.PodDisruptionBudgetStatus: 1 observedGeneration l; 2 disruptedPods %time; 3! disruptionsAllowed i; 4! currentHealthy i; 5! desiredHealthy i; 6! expectedPods i; 7 conditions *meta/v1.Condition
policy/v1beta1.AllowedCSIDriver: 1! name s
policy/v1beta1.AllowedFlexVolume: 1! driver s
policy/v1beta1.AllowedHostPath: 1 pathPrefix s; 2 readOnly b
policy/v1beta1.Eviction: 1 metadata meta/v1.ObjectMeta; 2 deleteOptions meta/v1.DeleteOptions
policy/v1beta1.FSGroupStrategyOptions: 1 rule s; 2 ranges *policy/v1beta1.IDRange
policy/v1beta1.HostPortRange: 1! min i; 2! max i
policy/v1beta1.IDRange: 1! min l; 2! max l
policy/v1beta1.PodDisruptionBudget: 1 metadata meta/v1.ObjectMeta; 2 spec policy/v1beta1.PodDisruptionBudgetSpec; 3 status policy/v1beta1.PodDisruptionBudgetStatus
policy/v1beta1.PodDisruptionBudgetList: 1 metadata meta/v1.ListMeta; 2 items *policy/v1beta1.PodDisruptionBudget
policy/v1beta1.PodDisruptionBudgetSpec: 1 minAvailable intstr; 2 selector meta/v1.LabelSelector; 3 maxUnavailable intstr
policy/v1beta1.PodDisruptionBudgetStatus: 1 observedGeneration l; 2 disruptedPods %time; 3! disruptionsAllowed i; 4! currentHealthy i; 5! desiredHealthy i; 6! expectedPods i
policy/v1beta1.PodSecurityPolicy: 1 metadata meta/v1.ObjectMeta; 2 spec policy/v1beta1.PodSecurityPolicySpec
policy/v1beta1.PodSecurityPolicyList: 1 metadata meta/v1.ListMeta; 2 items *policy/v1beta1.PodSecurityPolicy
policy/v1beta1.PodSecurityPolicySpec: 1 privileged b; 2 defaultAddCapabilities *s; 3 requiredDropCapabilities *s; 4 allowedCapabilities *s; 5 volumes *s; 6 hostNetwork b; 7 hostPorts *policy/v1beta1.HostPortRange; 8 hostPID b; 9 hostIPC b; 10 seLinux policy/v1beta1.SELinuxStrategyOptions; 11 runAsUser policy/v1beta1.RunAsUserStrategyOptions; 12 supplementalGroups policy/v1beta1.SupplementalGroupsStrategyOptions; 13 fsGroup policy/v1beta1.FSGroupStrategyOptions; 14 readOnlyRootFilesystem b; 15! defaultAllowPrivilegeEscalation b; 16! allowPrivilegeEscalation b; 17 allowedHostPaths *policy/v1beta1.AllowedHostPath; 18 allowedFlexVolumes *policy/v1beta1.AllowedFlexVolume; 19 allowedUnsafeSysctls *s; 20 forbiddenSysctls *s; 21 allowedProcMountTypes *s; 22 runAsGroup policy/v1beta1.RunAsGroupStrategyOptions; 23 allowedCSIDrivers *policy/v1beta1.AllowedCSIDriver; 24 runtimeClass policy/v1beta1.RuntimeClassStrategyOptions
policy/v1beta1.RunAsGroupStrategyOptions: 1! rule s; 2 ranges *policy/v1beta1.IDRange
policy/v1beta1.RunAsUserStrategyOptions: 1! rule s; 2 ranges *policy/v1beta1.IDRange
policy/v1beta1.RuntimeClassStrategyOptions: 1 allowedRuntimeClassNames *s; 2! defaultRuntimeClassName s
policy/v1beta1.SELinuxStrategyOptions: 1! rule s; 2 seLinuxOptions core/v1.SELinuxOptions
policy/v1beta1.SupplementalGroupsStrategyOptions: 1 rule s; 2 ranges *policy/v1beta1.IDRange
rbac.authorization.k8s.io/v1.AggregationRule: 1 clusterRoleSelectors *meta/v1.LabelSelector
rbac.authorization.k8s.io/v1.ClusterRole: 1 metadata meta/v1.ObjectMeta; 2 rules *rbac.authorization.k8s.io/v1.PolicyRule; 3 aggregationRule rbac.authorization.k8s.io/v1.AggregationRule
rbac.authorization.k8s.io/v1.ClusterRoleBinding: 1 metadata meta/v1.ObjectMeta; 2 subjects *rbac.authorization.k8s.io/v1.Subject; 3 roleRef rbac.authorization.k8s.io/v1.RoleRef
rbac.authorization.k8s.io/v1.ClusterRoleBindingList: 1 metadata meta/v1.ListMeta; 2 items *rbac.authorization.k8s.io/v1.ClusterRoleBinding
rbac.authorization.k8s.io/v1.ClusterRoleList: 1 metadata meta/v1.ListMeta; 2 items *rbac.authorization.k8s.io/v1.ClusterRole
rbac.authorization.k8s.io/v1.PolicyRule: 1 verbs *s; 2 apiGroups *s; 3 resources *s; 4 resourceNames *s; 5 nonResourceURLs *s
rbac.authorization.k8s.io/v1.Role: 1 metadata meta/v1.ObjectMeta; 2 rules *rbac.authorization.k8s.io/v1.PolicyRule
rbac.authorization.k8s.io/v1.RoleBinding: 1 metadata meta/v1.ObjectMeta; 2 subjects *rbac.authorization.k8s.io/v1.Subject; 3 roleRef rbac.authorization.k8s.io/v1.RoleRef
rbac.authorization.k8s.io/v1.RoleBindingList: 1 metadata meta/v1.ListMeta; 2 items *rbac.authorization.k8s.io/v1.RoleBinding
rbac.authorization.k8s.io/v1.RoleList: 1 metadata meta/v1.ListMeta; 2 items *rbac.authorization.k8s.io/v1.Role
rbac.authorization.k8s.io/v1.RoleRef: 1! apiGroup s; 2! kind s; 3! name s
rbac.authorization.k8s.io/v1.Subject: 1! kind s; 2 apiGroup s; 3! name s; 4 namespace s
rbac.authorization.k8s.io/v1alpha1.AggregationRule: 1 clusterRoleSelectors *meta/v1.LabelSelector
rbac.authorization.k8s.io/v1alpha1.ClusterRole: 1 metadata meta/v1.ObjectMeta; 2 rules *rbac.authorization.k8s.io/v1alpha1.PolicyRule; 3 aggregationRule rbac.authorization.k8s.io/v1alpha1.AggregationRule
rbac.authorization.k8s.io/v1alpha1.ClusterRoleBinding: 1 metadata meta/v1.ObjectMeta; 2 subjects *rbac.authorization.k8s.io/v1alpha1.Subject; 3 roleRef rbac.authorization.k8s.io/v1alpha1.RoleRef
rbac.authorization.k8s.io/v1alpha1.ClusterRoleBindingList: 1 metadata meta/v1.ListMeta; 2 items *rbac.authorization.k8s.io/v1alpha1.ClusterRoleBinding
rbac.authorization.k8s.io/v1alpha1.ClusterRoleList: 1 metadata meta/v1.ListMeta; 2 items *rbac.authorization.k8s.io/v1alpha1.ClusterRole
rbac.authorization.k8s.io/v1alpha1.PolicyRule: 1 verbs *s; 3 apiGroups *s; 4 resources *s; 5 resourceNames *s; 6 nonResourceURLs *s
rbac.authorization.k8s.io/v1alpha1.Role: 1 metadata meta/v1.ObjectMeta; 2 rules *rbac.authorization.k8s.io/v1alpha1.PolicyRule
rbac.authorization.k8s.io/v1alpha1.RoleBinding: 1 metadata meta/v1.ObjectMeta; 2 subjects *rbac.authorization.k8s.io/v1alpha1.Subject; 3 roleRef rbac.authorization.k8s.io/v1alpha1.RoleRef
rbac.authorization.k8s.io/v1alpha1.RoleBindingList: 1 metadata meta/v1.ListMeta; 2 items *rbac.authorization.k8s.io/v1alpha1.RoleBinding
rbac.authorization.k8s.io/v1alpha1.RoleList: 1 metadata meta/v1.ListMeta; 2 items *rbac.authorization.k8s.io/v1alpha1.Role
rbac.authorization.k8s.io/v1alpha1.RoleRef: 1! apiGroup s; 2! kind s; 3! name s
rbac.authorization.k8s.io/v1alpha1.Subject: 1! kind s; 2 apiVersion s; 3! name s; 4 namespace s
rbac.authorization.k8s.io/v1beta1.AggregationRule: 1 clusterRoleSelectors *meta/v1.LabelSelector
rbac.authorization.k8s.io/v1beta1.ClusterRole: 1 metadata meta/v1.ObjectMeta; 2 rules *rbac.authorization.k8s.io/v1beta1.PolicyRule; 3 aggregationRule rbac.authorization.k8s.io/v1beta1.AggregationRule
rbac.authorization.k8s.io/v1beta1.ClusterRoleBinding: 1 metadata meta/v1.ObjectMeta; 2 subjects *rbac.authorization.k8s.io/v1beta1.Subject; 3 roleRef rbac.authorization.k8s.io/v1beta1.RoleRef
rbac.authorization.k8s.io/v1beta1.ClusterRoleBindingList: 1 metadata meta/v1.ListMeta; 2 items *rbac.authorization.k8s.io/v1beta1.ClusterRoleBinding
rbac.authorization.k8s.io/v1beta1.ClusterRoleList: 1 metadata meta/v1.ListMeta; 2 items *rbac.authorization.k8s.io/v1beta1.ClusterRole
rbac.authorization.k8s.io/v1beta1.PolicyRule: 1 verbs *s; 2 apiGroups *s; 3 resources *s; 4 resourceNames *s; 5 nonResourceURLs *s
rbac.authorization.k8s.io/v1beta1.Role: 1 metadata meta/v1.ObjectMeta; 2 rules *rbac.authorization.k8s.io/v1beta1.PolicyRule
rbac.authorization.k8s.io/v1beta1.RoleBinding: 1 metadata meta/v1.ObjectMeta; 2 subjects *rbac.authorization.k8s.io/v1beta1.Subject; 3 roleRef rbac.authorization.k8s.io/v1beta1.RoleRef
rbac.authorization.k8s.io/v1beta1.RoleBindingList: 1 metadata meta/v1.ListMeta; 2 items *rbac.authorization.k8s.io/v1beta1.RoleBinding
rbac.authorization.k8s.io/v1beta1.RoleList: 1 metadata meta/v1.ListMeta; 2 items *rbac.authorization.k8s.io/v1beta1.Role
rbac.authorization.k8s.io/v1beta1.RoleRef: 1! apiGroup s; 2! kind s; 3! name s
rbac.authorization.k8s.io/v1beta1.Subject: 1! kind s; 2 apiGroup s; 3! name s; 4 namespace s
storage.k8s.io/v1.CSIDriver: 1 metadata meta/v1.ObjectMeta; 2 spec storage.k8s.io/v1.CSIDriverSpec
storage.k8s.io/v1.CSIDriverList: 1 metadata meta/v1.ListMeta; 2 items *storage.k8s.io/v1.CSIDriver
storage.k8s.io/v1.CSIDriverSpec: 1! attachRequired b; 2! podInfoOnMount b; 3 volumeLifecycleModes *s; 4! storageCapacity b; 5! fsGroupPolicy s; 6 tokenRequests *storage.k8s.io/v1.TokenRequest; 7! requiresRepublish b; 8! seLinuxMount b; 9! nodeAllocatableUpdatePeriodSeconds l; 10! serviceAccountTokenInSecrets b
storage.k8s.io/v1.CSINode: 1 metadata meta/v1.ObjectMeta; 2 spec storage.k8s.io/v1.CSINodeSpec
storage.k8s.io/v1.CSINodeDriver: 1! name s; 2! nodeID s; 3 topologyKeys *s; 4 allocatable storage.k8s.io/v1.VolumeNodeResources
storage.k8s.io/v1.CSINodeList: 1 metadata meta/v1.ListMeta; 2 items *storage.k8s.io/v1.CSINode
storage.k8s.io/v1.CSINodeSpec: 1 drivers *storage.k8s.io/v1.CSINodeDriver
storage.k8s.io/v1.StorageClass: 1 metadata meta/v1.ObjectMeta; 2! provisioner s; 3 parameters %s; 4! reclaimPolicy s; 5 mountOptions *s; 6! allowVolumeExpansion b; 7! volumeBindingMode s; 8 allowedTopologies *core/v1.TopologySelectorTerm
storage.k8s.io/v1.StorageClassList: 1 metadata meta/v1.ListMeta; 2 items *storage.k8s.io/v1.StorageClass
storage.k8s.io/v1.TokenRequest: 1! audience s; 2! expirationSeconds l
storage.k8s.io/v1.VolumeAttachment: 1 metadata meta/v1.ObjectMeta; 2 spec storage.k8s.io/v1.VolumeAttachmentSpec; 3 status storage.k8s.io/v1.VolumeAttachmentStatus
storage.k8s.io/v1.VolumeAttachmentList: 1 metadata meta/v1.ListMeta; 2 items *storage.k8s.io/v1.VolumeAttachment
storage.k8s.io/v1.VolumeAttachmentSource: 1! persistentVolumeName s; 2 inlineVolumeSpec core/v1.PersistentVolumeSpec
storage.k8s.io/v1.VolumeAttachmentSpec: 1! attacher s; 2 source storage.k8s.io/v1.VolumeAttachmentSource; 3! nodeName s
storage.k8s.io/v1.VolumeAttachmentStatus: 1! attached b; 2 attachmentMetadata %s; 3 attachError storage.k8s.io/v1.VolumeError; 4 detachError storage.k8s.io/v1.VolumeError
storage.k8s.io/v1.VolumeError: 1 time time; 2 message s
storage.k8s.io/v1.VolumeNodeResources: 1! count i
storage.k8s.io/v1alpha1.CSIStorageCapacity: 1 metadata meta/v1.ObjectMeta; 2 nodeTopology meta/v1.LabelSelector; 3! storageClassName s; 4 capacity quantity
storage.k8s.io/v1alpha1.CSIStorageCapacityList: 1 metadata meta/v1.ListMeta; 2 items *storage.k8s.io/v1alpha1.CSIStorageCapacity
storage.k8s.io/v1alpha1.VolumeAttachment: 1 metadata meta/v1.ObjectMeta; 2 spec storage.k8s.io/v1alpha1.VolumeAttachmentSpec; 3 status storage.k8s.io/v1alpha1.VolumeAttachmentStatus
storage.k8s.io/v1alpha1.VolumeAttachmentList: 1 metadata meta/v1.ListMeta; 2 items *storage.k8s.io/v1alpha1.VolumeAttachment
storage.k8s.io/v1alpha1.VolumeAttachmentSource: 1! persistentVolumeName s; 2 inlineVolumeSpec core/v1.PersistentVolumeSpec
storage.k8s.io/v1alpha1.VolumeAttachmentSpec: 1! attacher s; 2 source storage.k8s.io/v1alpha1.VolumeAttachmentSource; 3! nodeName s
storage.k8s.io/v1alpha1.VolumeAttachmentStatus: 1! attached b; 2 attachmentMetadata %s; 3 attachError storage.k8s.io/v1alpha1.VolumeError; 4 detachError storage.k8s.io/v1alpha1.VolumeError
storage.k8s.io/v1alpha1.VolumeError: 1 time time; 2 message s
storage.k8s.io/v1beta1.CSIDriver: 1 metadata meta/v1.ObjectMeta; 2 spec storage.k8s.io/v1beta1.CSIDriverSpec
storage.k8s.io/v1beta1.CSIDriverList: 1 metadata meta/v1.ListMeta; 2 items *storage.k8s.io/v1beta1.CSIDriver
storage.k8s.io/v1beta1.CSIDriverSpec: 1! attachRequired b; 2! podInfoOnMount b; 3 volumeLifecycleModes *s; 4! storageCapacity b; 5! fsGroupPolicy s; 6 tokenRequests *storage.k8s.io/v1beta1.TokenRequest; 7! requiresRepublish b
storage.k8s.io/v1beta1.CSINode: 1 metadata meta/v1.ObjectMeta; 2 spec storage.k8s.io/v1beta1.CSINodeSpec
storage.k8s.io/v1beta1.CSINodeDriver: 1! name s; 2! nodeID s; 3 topologyKeys *s; 4 allocatable storage.k8s.io/v1beta1.VolumeNodeResources
storage.k8s.io/v1beta1.CSINodeList: 1 metadata meta/v1.ListMeta; 2 items *storage.k8s.io/v1beta1.CSINode
storage.k8s.io/v1beta1.CSINodeSpec: 1 drivers *storage.k8s.io/v1beta1.CSINodeDriver
storage.k8s.io/v1beta1.StorageClass: 1 metadata meta/v1.ObjectMeta; 2! provisioner s; 3 parameters %s; 4! reclaimPolicy s; 5 mountOptions *s; 6! allowVolumeExpansion b; 7! volumeBindingMode s; 8 allowedTopologies *core/v1.TopologySelectorTerm
storage.k8s.io/v1beta1.StorageClassList: 1 metadata meta/v1.ListMeta; 2 items *storage.k8s.io/v1beta1.StorageClass
storage.k8s.io/v1beta1.TokenRequest: 1! audience s; 2! expirationSeconds l
storage.k8s.io/v1beta1.VolumeAttachment: 1 metadata meta/v1.ObjectMeta; 2 spec storage.k8s.io/v1beta1.VolumeAttachmentSpec; 3 status storage.k8s.io/v1beta1.VolumeAttachmentStatus
storage.k8s.io/v1beta1.VolumeAttachmentList: 1 metadata meta/v1.ListMeta; 2 items *storage.k8s.io/v1beta1.VolumeAttachment
storage.k8s.io/v1beta1.VolumeAttachmentSource: 1! persistentVolumeName s; 2 inlineVolumeSpec core/v1.PersistentVolumeSpec
storage.k8s.io/v1beta1.VolumeAttachmentSpec: 1! attacher s; 2 source storage.k8s.io/v1beta1.VolumeAttachmentSource; 3! nodeName s
storage.k8s.io/v1beta1.VolumeAttachmentStatus: 1! attached b; 2 attachmentMetadata %s; 3 attachError storage.k8s.io/v1beta1.VolumeError; 4 detachError storage.k8s.io/v1beta1.VolumeError
storage.k8s.io/v1beta1.VolumeError: 1 time time; 2 message s
storage.k8s.io/v1beta1.VolumeNodeResources: 1! count i
`;

/** The kinds that a body may be. */
export const protobufKinds = `
admissionregistration.k8s.io/v1.MutatingWebhookConfiguration
admissionregistration.k8s.io/v1.MutatingWebhookConfigurationList
admissionregistration.k8s.io/v1.ValidatingWebhookConfiguration
admissionregistration.k8s.io/v1.ValidatingWebhookConfigurationList
admissionregistration.k8s.io/v1beta1.MutatingWebhookConfiguration
admissionregistration.k8s.io/v1beta1.MutatingWebhookConfigurationList
admissionregistration.k8s.io/v1beta1.ValidatingWebhookConfiguration
admissionregistration.k8s.io/v1beta1.ValidatingWebhookConfigurationList
apiregistration.k8s.io/v1.APIService
apiregistration.k8s.io/v1.APIServiceList
apiregistration.k8s.io/v1beta1.APIService
apiregistration.k8s.io/v1beta1.APIServiceList
apps/v1.ControllerRevision
apps/v1.ControllerRevisionList
apps/v1.DaemonSet
apps/v1.DaemonSetList
apps/v1.Deployment
apps/v1.DeploymentList
apps/v1.ReplicaSet
apps/v1.ReplicaSetList
apps/v1.StatefulSet
apps/v1.StatefulSetList
apps/v1beta1.ControllerRevision
apps/v1beta1.ControllerRevisionList
apps/v1beta1.Deployment
apps/v1beta1.DeploymentList
apps/v1beta1.DeploymentRollback
apps/v1beta1.Scale
apps/v1beta1.StatefulSet
apps/v1beta1.StatefulSetList
apps/v1beta2.ControllerRevision
apps/v1beta2.ControllerRevisionList
apps/v1beta2.DaemonSet
apps/v1beta2.DaemonSetList
apps/v1beta2.Deployment
apps/v1beta2.DeploymentList
apps/v1beta2.ReplicaSet
apps/v1beta2.ReplicaSetList
apps/v1beta2.Scale
apps/v1beta2.StatefulSet
apps/v1beta2.StatefulSetList
authentication.k8s.io/v1.TokenRequest
authentication.k8s.io/v1.TokenReview
authentication.k8s.io/v1beta1.TokenReview
authorization.k8s.io/v1.LocalSubjectAccessReview
authorization.k8s.io/v1.SelfSubjectAccessReview
authorization.k8s.io/v1.SelfSubjectRulesReview
authorization.k8s.io/v1.SubjectAccessReview
authorization.k8s.io/v1beta1.LocalSubjectAccessReview
authorization.k8s.io/v1beta1.SelfSubjectAccessReview
authorization.k8s.io/v1beta1.SelfSubjectRulesReview
authorization.k8s.io/v1beta1.SubjectAccessReview
autoscaling/v1.HorizontalPodAutoscaler
autoscaling/v1.HorizontalPodAutoscalerList
autoscaling/v1.Scale
batch/v1.CronJob
batch/v1.CronJobList
batch/v1.Job
batch/v1.JobList
batch/v1beta1.CronJob
batch/v1beta1.CronJobList
batch/v1beta1.JobTemplate
batch/v2alpha1.CronJob
batch/v2alpha1.CronJobList
batch/v2alpha1.JobTemplate
certificates.k8s.io/v1.CertificateSigningRequest
certificates.k8s.io/v1.CertificateSigningRequestList
certificates.k8s.io/v1beta1.CertificateSigningRequest
certificates.k8s.io/v1beta1.CertificateSigningRequestList
coordination.k8s.io/v1.Lease
coordination.k8s.io/v1.LeaseList
coordination.k8s.io/v1beta1.Lease
coordination.k8s.io/v1beta1.LeaseList
core/v1.Binding
core/v1.ComponentStatus
core/v1.ComponentStatusList
core/v1.ConfigMap
core/v1.ConfigMapList
core/v1.Endpoints
core/v1.EndpointsList
core/v1.EphemeralContainers
core/v1.Event
core/v1.EventList
core/v1.LimitRange
core/v1.LimitRangeList
core/v1.List
core/v1.Namespace
core/v1.NamespaceList
core/v1.Node
core/v1.NodeList
core/v1.PersistentVolume
core/v1.PersistentVolumeClaim
core/v1.PersistentVolumeClaimList
core/v1.PersistentVolumeList
core/v1.Pod
core/v1.PodList
core/v1.PodStatusResult
core/v1.PodTemplate
core/v1.PodTemplateList
core/v1.RangeAllocation
core/v1.ReplicationController
core/v1.ReplicationControllerList
core/v1.ResourceQuota
core/v1.ResourceQuotaList
core/v1.Secret
core/v1.SecretList
core/v1.Service
core/v1.ServiceAccount
core/v1.ServiceAccountList
core/v1.ServiceList
discovery.k8s.io/v1.EndpointSlice
discovery.k8s.io/v1.EndpointSliceList
discovery.k8s.io/v1alpha1.EndpointSlice
discovery.k8s.io/v1alpha1.EndpointSliceList
discovery.k8s.io/v1beta1.EndpointSlice
discovery.k8s.io/v1beta1.EndpointSliceList
events.k8s.io/v1.Event
events.k8s.io/v1.EventList
events.k8s.io/v1beta1.Event
events.k8s.io/v1beta1.EventList
extensions/v1beta1.DaemonSet
extensions/v1beta1.DaemonSetList
extensions/v1beta1.Deployment
extensions/v1beta1.DeploymentList
extensions/v1beta1.DeploymentRollback
extensions/v1beta1.Ingress
extensions/v1beta1.IngressList
extensions/v1beta1.NetworkPolicy
extensions/v1beta1.NetworkPolicyList
extensions/v1beta1.PodSecurityPolicy
extensions/v1beta1.PodSecurityPolicyList
extensions/v1beta1.ReplicaSet
extensions/v1beta1.ReplicaSetList
extensions/v1beta1.Scale
meta/v1.DeleteOptions
meta/v1.Status
networking.k8s.io/v1.Ingress
networking.k8s.io/v1.IngressClass
networking.k8s.io/v1.IngressClassList
networking.k8s.io/v1.IngressList
networking.k8s.io/v1.NetworkPolicy
networking.k8s.io/v1.NetworkPolicyList
networking.k8s.io/v1beta1.Ingress
networking.k8s.io/v1beta1.IngressClass
networking.k8s.io/v1beta1.IngressClassList
networking.k8s.io/v1beta1.IngressList
policy/v1.Eviction
policy/v1.PodDisruptionBudget
policy/v1.PodDisruptionBudgetList
policy/v1beta1.Eviction
policy/v1beta1.PodDisruptionBudget
policy/v1beta1.PodDisruptionBudgetList
policy/v1beta1.PodSecurityPolicy
policy/v1beta1.PodSecurityPolicyList
rbac.authorization.k8s.io/v1.ClusterRole
rbac.authorization.k8s.io/v1.ClusterRoleBinding
rbac.authorization.k8s.io/v1.ClusterRoleBindingList
rbac.authorization.k8s.io/v1.ClusterRoleList
rbac.authorization.k8s.io/v1.Role
rbac.authorization.k8s.io/v1.RoleBinding
rbac.authorization.k8s.io/v1.RoleBindingList
rbac.authorization.k8s.io/v1.RoleList
rbac.authorization.k8s.io/v1alpha1.ClusterRole
rbac.authorization.k8s.io/v1alpha1.ClusterRoleBinding
rbac.authorization.k8s.io/v1alpha1.ClusterRoleBindingList
rbac.authorization.k8s.io/v1alpha1.ClusterRoleList
rbac.authorization.k8s.io/v1alpha1.Role
rbac.authorization.k8s.io/v1alpha1.RoleBinding
rbac.authorization.k8s.io/v1alpha1.RoleBindingList
rbac.authorization.k8s.io/v1alpha1.RoleList
rbac.authorization.k8s.io/v1beta1.ClusterRole
rbac.authorization.k8s.io/v1beta1.ClusterRoleBinding
rbac.authorization.k8s.io/v1beta1.ClusterRoleBindingList
rbac.authorization.k8s.io/v1beta1.ClusterRoleList
rbac.authorization.k8s.io/v1beta1.Role
rbac.authorization.k8s.io/v1beta1.RoleBinding
rbac.authorization.k8s.io/v1beta1.RoleBindingList
rbac.authorization.k8s.io/v1beta1.RoleList
storage.k8s.io/v1.CSIDriver
storage.k8s.io/v1.CSIDriverList
storage.k8s.io/v1.CSINode
storage.k8s.io/v1.CSINodeList
storage.k8s.io/v1.StorageClass
storage.k8s.io/v1.StorageClassList
storage.k8s.io/v1.VolumeAttachment
storage.k8s.io/v1.VolumeAttachmentList
storage.k8s.io/v1alpha1.CSIStorageCapacity
storage.k8s.io/v1alpha1.CSIStorageCapacityList
storage.k8s.io/v1alpha1.VolumeAttachment
storage.k8s.io/v1alpha1.VolumeAttachmentList
storage.k8s.io/v1beta1.CSIDriver
storage.k8s.io/v1beta1.CSIDriverList
storage.k8s.io/v1beta1.CSINode
storage.k8s.io/v1beta1.CSINodeList
storage.k8s.io/v1beta1.StorageClass
storage.k8s.io/v1beta1.StorageClassList
storage.k8s.io/v1beta1.VolumeAttachment
storage.k8s.io/v1beta1.VolumeAttachmentList
`;
